import type { Scope } from '../../core/context.ts';
import { scanStatement } from '../../core/scanner.ts';
import { currentScope } from '../../core/store.ts';
import type { Method, PgClient, Submittable } from './driver.ts';

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
  /** Whether pg has queued its query within the call. */
  isQueued: boolean;
}

// What is never handed on must not pile up.
const MOST_KEPT = 1000;

let current: Call | undefined;
const kept = new WeakMap<object, Call[]>();

/** Makes a call, in which pg may queue its query at once. */
export function issue(own: Call, method: Method, args: readonly unknown[]): unknown {
  const outer = current;
  current = own;
  try {
    const result = method.apply(own.client, args as unknown[]);
    if (!own.isQueued) keep(own);
    return result;
  } finally {
    current = outer;
  }
}

/** Notes that pg queues a query right now; returns whether it does so within the call. */
export function noteQueued(client: PgClient): boolean {
  if (current === undefined || (current.client !== client && keyOf(current.client) !== keyOf(client))) return false;
  current.isQueued = true;
  return true;
}

/** The scope of whoever issued a query that pg queues right now. */
export function issuerOf(client: PgClient, query: Submittable): Scope | undefined {
  const scope = currentScope();
  if (noteQueued(client)) return scope;
  const calls = kept.get(keyOf(client)) ?? [];
  const same = calls.filter((call) => isOf(call, query));
  const known = same.find((call) => hasValuesOf(call, query)) ?? same.find((call) => call.scope === scope) ?? same[0];
  if (known === undefined) return scope;
  calls.splice(calls.indexOf(known), 1);
  return known.scope;
}

function keep(call: Call): void {
  // Whose read it is, is asked by nobody.
  if (scanStatement(textGiven(call)).kind === 'read') return;
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
function isOf(call: Call, query: Submittable): boolean {
  if (call.config === query) return true;
  const text = textGiven(call);
  return typeof text === 'string' && String(query.text).includes(text);
}

function textGiven({ config }: Call): unknown {
  return typeof config === 'string' ? config : Object(config).text;
}

function hasValuesOf({ config, values }: Call, query: Submittable): boolean {
  const given = Array.isArray(values) ? values : Object(config).values;
  return config === query || (given !== undefined && given === query.values);
}
