import { instrumentKnexClient, unsupported } from './client.ts';
import type { KnexClient } from './driver.ts';

/** What {@link wrapKnex} takes: what `knex(config)` returns. */
export interface KnexLike {
  readonly client: object;
}

/**
 * Makes a Knex instance for PostgreSQL attribute its writes: builders, raw statements, streams,
 * migrations, transactions of every form and the instances made by `withUserParams`. A builder
 * belongs to the context that executes it; where there is none, to the one that it was built in.
 * Costs no round trip. In place: returns the same instance; wrapping it again does nothing.
 *
 * @throws ThreadlineError `TL_KNEX_UNSUPPORTED` for another database, for pg-native, or for a transaction
 * @example
 * const db = wrapKnex(knex({ client: 'pg', connection: process.env.DATABASE_URL }));
 * await runWithActor(actor.user('42'), () => db('posts').where({ id: 7 }).delete());
 */
export function wrapKnex<Instance extends KnexLike>(knex: Instance): Instance {
  const client = knex.client as KnexClient;
  if (client.driverName !== 'pg') throw unsupported(`its driver is ${client.driverName ?? 'unknown'}`);
  if (client.transacting) throw unsupported('it is a transaction; wrap the instance that began it');
  instrumentKnexClient(client);
  return knex;
}
