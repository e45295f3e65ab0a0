import type pg from 'pg';
import { instrumentPg } from '../../src/adapters/pg/index.ts';
import { conform, separateCopyOf } from './conform.ts';
import { poolHarness } from './pg-pool-harness.ts';

const instrumented = instrumentPg(separateCopyOf<typeof pg>('pg'));
const raw = separateCopyOf<typeof pg>('pg');

await conform({
  ...poolHarness,
  name: 'node-postgres: instrumentPg',
  connect: (connectionString, { max, attributed }) =>
    new (attributed ? instrumented : raw).Pool({ connectionString, max }),
});
