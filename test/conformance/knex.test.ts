import createKnex from 'knex';
import { wrapKnex } from '../../src/adapters/knex/index.ts';
import { conform } from './conform.ts';
import { knexHarness } from './knex-harness.ts';

await conform({
  ...knexHarness,
  name: 'Knex: wrapKnex',
  connect: (connection, { max, attributed }) => {
    const knex = createKnex({ client: 'pg', connection, pool: { min: 0, max } });
    return attributed ? wrapKnex(knex) : knex;
  },
});
