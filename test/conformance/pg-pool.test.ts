import pg from 'pg';
import { wrapPool } from '../../src/adapters/pg/index.ts';
import { conform } from './conform.ts';
import { poolHarness } from './pg-pool-harness.ts';

await conform({
  ...poolHarness,
  name: 'node-postgres: wrapPool',
  connect: (connectionString, { max, attributed }) => {
    const pool = new pg.Pool({ connectionString, max });
    return attributed ? wrapPool(pool) : pool;
  },
});
