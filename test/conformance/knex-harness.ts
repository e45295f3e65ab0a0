import type { Knex } from 'knex';
import type { AdapterHarness } from '../../src/testing/index.ts';

/** All that can be said with Knex, but for how it is made. */
export const knexHarness: Omit<AdapterHarness<Knex, Knex.Transaction>, 'name' | 'connect'> = {
  end: (knex) => knex.destroy(),
  run: async (on, text, values) => (await raw(on, text, values)).rows,
  result: raw,
  lazy: raw,
  script: (on, text) => on.raw(text),
  transaction: (knex, body) => knex.transaction(body),
  serializable: (knex, body) => knex.transaction(body, { isolationLevel: 'serializable' }),
  nested: (transaction, body) => transaction.transaction(body),
  callback: (knex, text, values, done) => raw(knex, text, values).asCallback(done),
  each: (knex, text, onRow) => {
    const stream = knex.raw(text).stream();
    return new Promise((resolve, reject) => stream.on('data', onRow).on('end', resolve).on('error', reject));
  },
};

/** Knex counts its parameters by position. */
function raw(on: Knex, text: string, values: readonly string[]): Knex.Raw {
  return on.raw(text.replaceAll(/\$\d/g, '?'), [...values]);
}
