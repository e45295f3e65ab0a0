import type { Scope } from '../../core/context.ts';
import { ThreadlineError } from '../../core/errors.ts';
import { scanStatement } from '../../core/scanner.ts';
import { currentScope, enterScope } from '../../core/store.ts';
import { NO_SETTINGS, sameSettings } from '../../core/wire.ts';
import { attribute } from './attribute.ts';
import { issue, issuerOf, noteQueued } from './calls.ts';
import { stateOf } from './connection-state.ts';
import { type Method, type PgClient, replaceMethod, type Submittable } from './driver.ts';
import { override } from './override.ts';

/** Instruments one client, or the prototype of a client class. */
export function instrumentClient<Client extends object>(target: Client): Client {
  const client = target as PgClient;
  replaceMethod(client, 'query', attributedQuery);
  // What was queued before goes out as it is.
  if (client.connection) for (const query of queueOf(client) ?? []) query[TAKEN] = true;
  replaceMethod(client, '_pulseQueryQueue', attributedPulse);
  replaceMethod(client, 'connect', detachedConnect);
  replaceMethod(client, 'end', boundEnd);
  return target;
}

/**
 * Gives each query to pg as the caller gave it, so that what stands between (a tracer, a subclass, a logger of
 * the application's) sees and gets what it would without the adapter: the query is attributed where pg queues it.
 */
function attributedQuery(original: Method): Method {
  return function query(this: unknown, ...args) {
    const client = this as PgClient;
    const [config, values] = args;
    const scope = currentScope();
    if (config !== null && config !== undefined) refuseNative(client, scope);
    if (isSubmittable(config)) {
      // Also one that was issued before.
      if (TAKEN in config) config[TAKEN] = false;
      bindHandlers(config, scope);
    }
    return issue({ client, scope, config, values, isQueued: false }, original, withBoundCallbacks(args, scope));
  };
}

/** Whether a query that may write is attributed, or is to be sent as it is. */
const TAKEN: unique symbol = Symbol('threadline.pg.taken');
type Queued = Submittable & { [TAKEN]?: boolean };

/** pg calls this at once for a query that it has put last into its queue, and again whenever it may send one. */
function attributedPulse(original: Method): Method {
  return function _pulseQueryQueue(this: unknown, ...args) {
    const client = this as PgClient;
    const query = queueOf(client)?.at(-1);
    if (query !== undefined && query[TAKEN] !== true) {
      if (cannotWrite(query, client) && stateOf(client)) noteQueued(client);
      else {
        query[TAKEN] = true;
        attribute({ client, query, scope: issuerOf(client, query), sendAgain: () => sendAgain(client, query) });
      }
    }
    return original.apply(client, args);
  };
}

/** Has a query sent once more, ahead of what was queued behind it in the meantime. */
function sendAgain(client: PgClient, query: Submittable): void {
  if (!client.pipeline) return void queueOf(client)?.unshift(query);
  queueOf(client)?.push(query);
  client._pulseQueryQueue?.();
}

function queueOf(client: PgClient): Queued[] | undefined {
  return client._queryQueue ?? client.queryQueue;
}

/** Whether a query needs no settings whatever the connection's status will be when it is sent. */
function cannotWrite({ text, requiresPreparation }: Submittable, client: PgClient): boolean {
  // In a pipeline, what was applied is unknown after each query. Cursors and streams may share their text with others.
  return !client.pipeline && requiresPreparation !== undefined && scanStatement(text).kind === 'read';
}

/** Sockets are opened outside of any context: what their events cause later belongs to nobody, not to whoever came first. */
function detachedConnect(original: Method): Method {
  return function connect(this: unknown, ...args) {
    const scope = currentScope();
    const bound = args.map((argument) => bindCallback(argument, scope));
    const result = enterScope(undefined, () => original.apply(this, bound));
    // Before the first message, since the server says only then how it reads strings; and not before
    // the call, in which Neon's client takes the listeners off.
    stateOf(this as PgClient);
    return result;
  };
}

function boundEnd(original: Method): Method {
  return function end(this: unknown, callback, ...rest) {
    return original.call(this, bindCallback(callback, currentScope()), ...rest);
  };
}

/**
 * A native client leaves the protocol to libpq: nothing can be sent along with a statement. Nor can it with
 * what only looks like a client of pg.
 */
function refuseNative(client: PgClient, scope: Scope | undefined): void {
  if (
    (client.connection && client._pulseQueryQueue) ||
    scope === undefined ||
    sameSettings(scope.settings, NO_SETTINGS)
  )
    return;
  throw new ThreadlineError(
    'TL_PG_NATIVE_UNSUPPORTED',
    'pg-native cannot carry a context along with a statement; use the JavaScript client of pg',
  );
}

const HANDLERS = [
  'handleRowDescription',
  'handleDataRow',
  'handlePortalSuspended',
  'handleEmptyQuery',
  'handleCommandComplete',
  'handleReadyForQuery',
  'handleError',
  'handleCopyInResponse',
  'handleCopyData',
] as const;

/** Who issued a query last. */
const issuers = new WeakMap<Submittable, { scope: Scope | undefined }>();

/** A cursor, a stream or a Query of the user's own emits and calls back in the context that issued it, the last time. */
function bindHandlers(query: Submittable, scope: Scope | undefined): void {
  const known = issuers.get(query);
  if (known) {
    known.scope = scope;
    return;
  }
  const issuer = { scope };
  issuers.set(query, issuer);
  const submittable = query as Submittable & { readonly [name: string]: unknown };
  const isStream = typeof submittable['pipe'] === 'function';
  // A stream over COPY TO gets its rows from the socket itself.
  for (const name of isStream && !('handleDataRow' in query) ? [...HANDLERS, 'push'] : HANDLERS)
    if (typeof submittable[name] === 'function')
      override(
        query,
        name,
        (handle) =>
          (...args) =>
            enterScope(issuer.scope, () => handle(...args)),
      );
  // Streams have a read and a close of their own, without callbacks.
  if (isStream) return;
  for (const name of ['read', 'close'])
    if (typeof submittable[name] === 'function')
      override(query, name, (call) => (...args) => {
        const reader = currentScope();
        return call(...args.map((argument) => bindCallback(argument, reader)));
      });
}

/** The arguments of a call, of which the callback runs in `scope`: one of its own, or else that of the configuration. */
function withBoundCallbacks(args: readonly unknown[], scope: Scope | undefined): readonly unknown[] {
  if (args.some(isFunction)) return args.map((argument) => bindCallback(argument, scope));
  const [config, ...rest] = args;
  if (typeof config !== 'object' || config === null || isSubmittable(config)) return args;
  const value = bindCallback(Reflect.get(config, 'callback'), scope);
  if (typeof value !== 'function') return args;
  const isPlain = Object.getPrototypeOf(config) === Object.prototype;
  const bound = isPlain
    ? { ...config, callback: value }
    : Object.create(config, { callback: { value, enumerable: true, writable: true, configurable: true } });
  return [bound, ...rest];
}

/** A callback that runs in `scope`; anything else as it is. */
export function bindCallback(value: unknown, scope: Scope | undefined): unknown {
  if (typeof value !== 'function') return value;
  return function bound(this: unknown, ...args: unknown[]) {
    return enterScope(scope, () => Reflect.apply(value, this, args));
  };
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function';
}

function isSubmittable(config: unknown): config is Queued {
  return typeof config === 'object' && config !== null && typeof (config as Submittable).submit === 'function';
}
