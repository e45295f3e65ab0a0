import { instrumentClient } from './client.ts';
import { instrumentPool } from './pool.ts';

/** What {@link wrapPool} takes: a Pool of `pg` or `pg-pool`. */
export interface PgPoolLike {
  connect(...args: never[]): unknown;
  query(...args: never[]): unknown;
}

/** What {@link wrapClient} takes: a Client of `pg`, connected or not, or one out of a pool. */
export interface PgClientLike {
  connect(...args: never[]): unknown;
  query(...args: never[]): unknown;
}

/** What {@link instrumentPg} takes: the module itself, `import pg from 'pg'`. */
export interface PgModuleLike {
  readonly Client: { readonly prototype: object };
  /** Optional for the sake of types only: some libraries show their own copy of `pg` without it. */
  readonly Pool?: { readonly prototype: object };
}

/**
 * Makes a pool attribute every write to the actor of the code that issued it: `pool.query`,
 * `pool.connect` and everything done with the client, in promises, callbacks, cursors and streams.
 * Costs no round trip. The pool is instrumented in place and returned, so that everything which
 * holds it is covered; wrapping it again does nothing.
 *
 * @example
 * const pool = wrapPool(new pg.Pool());
 * await runWithActor(actor.user('42'), () => pool.query('insert into posts (title) values ($1)', ['Hello']));
 */
export function wrapPool<Pool extends PgPoolLike>(pool: Pool): Pool {
  return instrumentPool(pool);
}

/**
 * Makes a single client attribute its writes, as {@link wrapPool} does for a pool. In place,
 * idempotent. Wrap it before it connects where you can: its socket then belongs to no context.
 *
 * @example const client = wrapClient(new pg.Client());
 */
export function wrapClient<Client extends PgClientLike>(client: Client): Client {
  return instrumentClient(client);
}

/**
 * Makes every pool and client of a copy of `pg` attribute its writes, also those that an ORM builds
 * for itself. Call it once, before they are used. In place, idempotent.
 *
 * @example instrumentPg(pg);
 */
export function instrumentPg<Pg extends PgModuleLike>(pg: Pg): Pg {
  instrumentClient(pg.Client.prototype);
  // pg.Pool is a thin subclass of pg-pool's; pools made of either are covered by the class above.
  if (pg.Pool) {
    const base: unknown = Object.getPrototypeOf(pg.Pool.prototype);
    instrumentPool(typeof base === 'object' && base !== null && 'connect' in base ? base : pg.Pool.prototype);
  }
  return pg;
}
