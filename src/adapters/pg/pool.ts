import { currentScope, enterScope } from '../../core/store.ts';
import { instrumentClient } from './client.ts';
import { stateOf } from './connection-state.ts';
import { type Method, type PgPool, replaceMethod } from './driver.ts';

/**
 * Instruments one pool, or the prototype of a pool class. `pool.query` needs nothing of its own: it
 * goes through `connect` and `client.query`, both called in the context that is kept here.
 */
export function instrumentPool<Pool extends object>(target: Pool): Pool {
  if (queriesPastClients(target)) target.on('connect', () => {});
  replaceMethod(target as unknown as PgPool, 'connect', attributedConnect);
  replaceMethod(target as unknown as PgPool, 'newClient', detached);
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
      return client.then(instrumentClient);
    }
    const scope = currentScope();
    const bound = (error: unknown, client: unknown, release: unknown) => {
      if (typeof client === 'object' && client !== null) instrumentClient(client);
      return enterScope(scope, () => Reflect.apply(callback, undefined, [error, client, release]));
    };
    return enterScope(undefined, () => original.call(this, bound, ...rest));
  };
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
