import type { Scope } from '../../core/context.ts';
import { ThreadlineError } from '../../core/errors.ts';
import { scanStatement } from '../../core/scanner.ts';
import { currentScope, enterScope } from '../../core/store.ts';
import { NO_SETTINGS, sameSettings } from '../../core/wire.ts';
import { attribute } from './attribute.ts';
import { stateOf } from './connection-state.ts';
import { type Method, type PgClient, replaceMethod, type Submittable } from './driver.ts';
import { override } from './override.ts';

/** Instruments one client, or the prototype of a client class. */
export function instrumentClient<Client extends object>(target: Client): Client {
  replaceMethod(target as PgClient, 'query', attributedQuery);
  replaceMethod(target as PgClient, 'connect', detachedConnect);
  replaceMethod(target as PgClient, 'end', boundEnd);
  return target;
}

/** The context is read right here, in the call that the user makes, and travels with the query object. */
function attributedQuery(original: Method): Method {
  return function query(this: unknown, config, values, callback) {
    const client = this as PgClient;
    const scope = currentScope();
    const Query = client.constructor.Query;
    if (config === null || config === undefined || Query === undefined)
      return original.call(client, config, values, callback);
    refuseNative(client, scope);
    if (cannotWrite(config, client) && stateOf(client))
      return original.call(client, config, bindCallback(values, scope), bindCallback(callback, scope));
    const send = (outgoing: Submittable, ...rest: unknown[]) => {
      const sendAgain = () => {
        original.call(client, outgoing);
        // Ahead of what was queued behind it in the meantime.
        const queue = client._queryQueue;
        if (!client.pipeline && queue?.at(-1) === outgoing) queue.unshift(...queue.splice(-1));
      };
      attribute({ client, query: outgoing, scope, sendAgain });
      return original.call(client, outgoing, ...rest);
    };
    if (isSubmittable(config)) {
      bindHandlers(config, scope);
      return send(config, ...[values, callback].map((argument) => bindCallback(argument, scope)));
    }
    return sendQuery(client, { query: new Query(config, values, callback), config, scope, send });
  };
}

/** Whether a query needs no settings whatever the connection's status will be when it is sent: pg may make it itself. */
function cannotWrite(config: unknown, client: PgClient): boolean {
  // In a pipeline, what was applied is unknown after each query.
  if (client.pipeline) return false;
  if (typeof config === 'string') return scanStatement(config).kind === 'read';
  const { text, submit, callback } = config as { text?: unknown; submit?: unknown; callback?: unknown };
  return submit === undefined && callback === undefined && scanStatement(text).kind === 'read';
}

interface NewQuery {
  readonly query: Submittable;
  readonly config: unknown;
  readonly scope: Scope | undefined;
  readonly send: (query: Submittable) => unknown;
}

/** Does for a query made here what pg does for one made there: promise or callback, and its time-out. */
function sendQuery(client: PgClient, { query, config, scope, send }: NewQuery): unknown {
  const { query_timeout } = config as { query_timeout?: unknown };
  if (query_timeout !== undefined) query.query_timeout = query_timeout;
  if (query.callback) {
    if (typeof query.callback !== 'function') throw new TypeError('callback is not a function');
    query.callback = bindCallback(query.callback, scope);
    send(query);
    return undefined;
  }
  const PromiseClass = client._Promise ?? Promise;
  const result = new PromiseClass((resolve, reject) => {
    query.callback = (error: unknown, rows: unknown) => (error ? reject(error) : resolve(rows));
  }).catch((error: unknown) => {
    // The stack of a server error begins in the socket; the one that helps is the caller's.
    if (typeof error === 'object' && error !== null) Error.captureStackTrace(error);
    throw error;
  });
  send(query);
  return result;
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

/** A native client leaves the protocol to libpq: nothing can be sent along with a statement. */
function refuseNative(client: PgClient, scope: Scope | undefined): void {
  if (client.connection || scope === undefined || sameSettings(scope.settings, NO_SETTINGS)) return;
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

/** A cursor, a stream or a Query of the user's own emits and calls back in the context that issued it. */
function bindHandlers(query: Submittable, scope: Scope | undefined): void {
  const submittable = query as Submittable & { readonly [name: string]: unknown };
  for (const name of HANDLERS)
    if (typeof submittable[name] === 'function')
      override(
        query,
        name,
        (handle) =>
          (...args) =>
            enterScope(scope, () => handle(...args)),
      );
  // Streams have a read and a close of their own, without callbacks.
  if (typeof submittable['pipe'] === 'function') return;
  for (const name of ['read', 'close'])
    if (typeof submittable[name] === 'function')
      override(query, name, (call) => (...args) => {
        const reader = currentScope();
        return call(...args.map((argument) => bindCallback(argument, reader)));
      });
}

/** A callback that runs in `scope`; anything else as it is. */
export function bindCallback(value: unknown, scope: Scope | undefined): unknown {
  if (typeof value !== 'function') return value;
  return function bound(this: unknown, ...args: unknown[]) {
    return enterScope(scope, () => Reflect.apply(value, this, args));
  };
}

function isSubmittable(config: unknown): config is Submittable {
  return typeof config === 'object' && config !== null && typeof (config as Submittable).submit === 'function';
}
