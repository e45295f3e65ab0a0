import pg from 'pg';
import { wrapPool } from '../../src/adapters/pg/index.ts';
import { conform } from './conform.ts';
import { poolHarness } from './pg-pool-harness.ts';

// pg itself refuses cursors and streams on a pipelined client.
const { each: _each, copyFrom: _copyFrom, ...withoutStreams } = poolHarness;

await conform({
  ...withoutStreams,
  name: 'node-postgres: wrapPool, pipeline: true',
  connect: (connectionString, { max, attributed }) => {
    const pool = new pg.Pool({ connectionString, max, pipeline: true } as pg.PoolConfig);
    return attributed ? wrapPool(pool) : pool;
  },
});
