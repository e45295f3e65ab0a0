import type { Scope } from '../../core/context.ts';
import { currentScope } from '../../core/store.ts';
import type { PgClient, Submittable } from './driver.ts';

/*
 * Who issued a query that pg puts into its queue. Mostly pg does so within the call of `client.query`. A class or a
 * patch of the application's that keeps its queries may hand them on later, out of somebody else's code: they are known
 * again by what was given.
 */

/** One call of `client.query`. */
interface Call {
  readonly client: PgClient;
  readonly scope: Scope | undefined;
  readonly config: unknown;
  readonly values: unknown;
  isQueued: boolean;
}

// What is never handed on must not pile up.
const MOST_KEPT = 1000;

let current: Call | undefined;
const kept = new WeakMap<object, Call[]>();

/** Makes a call, in which pg may queue its query at once. */
export function issue<T>(given: Omit<Call, 'isQueued'>, call: () => T): T {
  const outer = current;
  const own: Call = { ...given, isQueued: false };
  current = own;
  try {
    const result = call();
    if (!own.isQueued) keep(own);
    return result;
  } finally {
    current = outer;
  }
}

/** The scope of whoever issued a query that pg queues right now. */
export function issuerOf(client: PgClient, query: Submittable): Scope | undefined {
  const scope = currentScope();
  if (current && keyOf(current.client) === keyOf(client)) {
    current.isQueued = true;
    return scope;
  }
  const calls = kept.get(keyOf(client)) ?? [];
  const same = calls.filter((call) => isOf(call, query));
  const known = same.find((call) => hasValuesOf(call, query)) ?? same.find((call) => call.scope === scope) ?? same[0];
  if (known === undefined) return scope;
  calls.splice(calls.indexOf(known), 1);
  return known.scope;
}

function keep(call: Call): void {
  const key = keyOf(call.client);
  const calls = kept.get(key) ?? [];
  kept.set(key, calls);
  calls.push(call);
  if (calls.length > MOST_KEPT) calls.shift();
}

/** A Proxy around a client is another object over the same connection. */
function keyOf(client: PgClient): object {
  return client.connection ?? client;
}

/** Whether a query may be that of a call, to whose text something may have been added. */
function isOf({ config }: Call, query: Submittable): boolean {
  if (config === query) return true;
  const text = typeof config === 'string' ? config : Object(config).text;
  return typeof text === 'string' && String(query.text).includes(text);
}

function hasValuesOf({ config, values }: Call, query: Submittable): boolean {
  const given = Array.isArray(values) ? values : Object(config).values;
  return config === query || (given !== undefined && given === query.values);
}
