import pg from 'pg';
import { install } from '../../src/sql/index.ts';
import type { PostgresServer } from '../../test/support/postgres-server.ts';
import { fillLog } from '../support/fill-log.ts';
import type { Design } from './designs.ts';
import { type Bench, openPool } from './measure.ts';
import { createTable, type Sizes } from './workloads.ts';

/** How many connections write at once. */
export const CONNECTIONS = 4;

/** What a database is to hold before anything is measured in it. */
export interface BenchDatabase {
  /** Its name; it is there. */
  readonly database: string;
  readonly designs: readonly Design[];
  readonly sizes: Sizes;
  /** How many changes the log holds. */
  readonly changes: number;
}

/** Where to measure, until it is ended. */
export interface OpenBench extends Bench {
  readonly config: pg.PoolConfig;
  end(): Promise<void>;
}

/** Installs the designs in a database, each with its table, and fills the log. */
export async function openBench(
  server: PostgresServer,
  { database, designs, sizes, changes }: BenchDatabase,
): Promise<OpenBench> {
  const config = { host: server.socketDirectory, port: server.port, user: server.user, database };
  const admin = new pg.Pool({ ...config, max: 1 });
  // Where a benchmark fails, the server goes before its connections do: that is not what to report.
  admin.on('error', () => {});
  await install(admin);
  await fillLog(admin, changes);
  for (const { table, audit } of designs) {
    await admin.query(createTable(table, sizes));
    await audit?.(admin, table);
    await admin.query(`vacuum analyze ${table}`);
  }
  await admin.query('checkpoint');
  const pool = await openPool(config, CONNECTIONS);
  return {
    pool,
    admin,
    postmaster: server.pid,
    callers: CONNECTIONS,
    config,
    end: async () => {
      await pool.end();
      await admin.end();
    },
  };
}
