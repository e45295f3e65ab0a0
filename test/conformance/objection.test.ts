import createKnex, { type Knex } from 'knex';
import { Model, transaction } from 'objection';
import { wrapKnex } from '../../src/adapters/knex/index.ts';
import { conform } from './conform.ts';
import { knexHarness } from './knex-harness.ts';

class Write extends Model {
  static override tableName = 'conformance.writes';
}

/** What the suite writes goes through a model; the rest of its texts only Knex can run. */
function insert(on: Knex, label: string) {
  return Write.query(on)
    .insert({ label } as object)
    .returning('label');
}

await conform<Knex, Knex.Transaction>({
  ...knexHarness,
  name: 'Objection: wrapKnex',
  connect: (connection, { max, attributed }) => {
    const knex = createKnex({ client: 'pg', connection, pool: { min: 0, max } });
    return attributed ? wrapKnex(knex) : knex;
  },
  run: async (on, text, values) => {
    const [label] = values;
    if (!text.startsWith('insert into conformance.writes (label) values ($1) returning') || label === undefined)
      return knexHarness.run(on, text, values);
    return [(await insert(on, label)).toJSON()];
  },
  lazy: (on, _text, [label = '']) => insert(on, label),
  transaction: (knex, body) => transaction(knex, body),
  nested: (outer, body) => transaction(outer, body),
  limits: {
    'a lazy query built in a context and awaited in none belongs to the one it was built in':
      'await the query in the context that it is to belong to; Objection makes its Knex builder only then',
  },
});
