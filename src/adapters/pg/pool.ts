import { currentScope, enterScope } from '../../core/store.ts';
import { bindCallback, instrumentClient } from './client.ts';
import { stateOf } from './connection-state.ts';
import { type Method, type PgPool, replaceMethod } from './driver.ts';

/**
 * Instruments one pool, or the prototype of a pool class. A query of `pool.query` is attributed by
 * `connect` and `client.query`, both called in the context that is kept here.
 */
export function instrumentPool<Pool extends object>(target: Pool): Pool {
  if (queriesPastClients(target)) target.on('connect', () => {});
  replaceMethod(target as unknown as PgPool, 'connect', attributedConnect);
  replaceMethod(target as unknown as PgPool, 'newClient', detached);
  replaceMethod(target as unknown as PgPool, '_pulseQueue', detachedPulse);
  replaceMethod(target as unknown as PgPool, 'query', boundCallbacks);
  replaceMethod(target as unknown as PgPool, 'end', boundCallbacks);
  return target;
}

/**
 * A caller who has to wait is served out of another caller's release, in that one's context: so the
 * callback runs in the context of the call, and the pool itself in none.
 */
function attributedConnect(original: Method): Method {
  return function connect(this: unknown, callback, ...rest) {
    if (typeof callback !== 'function') {
      const client = enterScope(undefined, () => original.call(this, callback, ...rest)) as PromiseLike<object>;
      return client.then((lent) => instrumentLent(this as PgPool, lent));
    }
    const scope = currentScope();
    const bound = (error: unknown, client: unknown, release: unknown) => {
      if (typeof client === 'object' && client !== null) instrumentLent(this as PgPool, client);
      return enterScope(scope, () => Reflect.apply(callback, undefined, [error, client, release]));
    };
    return enterScope(undefined, () => original.call(this, bound, ...rest));
  };
}

/** A client as it is lent. A class of the application's may lend something else in front of one, which was instrumented when it was made. */
function instrumentLent<Client extends object>(pool: PgPool, client: Client): Client {
  const isClient = 'connection' in client || 'native' in client;
  return isClient || pool.newClient === undefined ? instrumentClient(client) : client;
}

/** One caller's release serves the next: what listens to `acquire` is not the releaser's. */
function detachedPulse(original: Method): Method {
  return function _pulseQueue(this: unknown, ...args) {
    return enterScope(undefined, () => original.apply(this, args));
  };
}

/** The pool calls back from a lost connection or another caller's release: in the context of the call all the same. */
function boundCallbacks(original: Method): Method {
  const bound = function (this: unknown, ...args: unknown[]) {
    if (!args.some((argument) => typeof argument === 'function')) return original.apply(this, args);
    const scope = currentScope();
    return original.apply(
      this,
      args.map((argument) => bindCallback(argument, scope)),
    );
  };
  return Object.defineProperty(bound, 'length', { value: original.length });
}

/** New sockets belong to nobody, also when one caller's release opens them for the next. */
function detached(original: Method): Method {
  return function newClient(this: unknown, ...args) {
    const result = enterScope(undefined, () => original.apply(this, args));
    // Not at hand-out, when what the server says on connecting would be missed.
    const client = (this as PgPool)._clients?.at(-1);
    if (client) stateOf(instrumentClient(client));
    return result;
  };
}

/** A pool of Neon's that would send a query by HTTP, past its clients; it does not once somebody listens to them. */
function queriesPastClients(target: object): target is { on(event: string, listener: () => void): unknown } {
  return Reflect.get(target, 'hasFetchUnsupportedListeners') === false;
}
