import createKnex from 'knex';
import { wrapKnex } from '../../../src/adapters/knex/index.ts';
import { insertText, type PooledDriver } from './driver.ts';

export function open(connection: string): PooledDriver {
  const knex = wrapKnex(createKnex({ client: 'pg', connection, pool: { min: 0, max: 3 } }));
  return {
    insert: (body) => knex('notes').insert({ body }),
    insertText: (body) => knex.raw(insertText(body)),
    transaction: (body) =>
      knex.transaction(async (trx) => {
        await trx('notes').insert({ body });
        await trx.transaction((inner) => inner('notes').insert({ body }));
      }),
    end: () => knex.destroy(),
  };
}
