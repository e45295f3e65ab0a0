import pg from 'pg';
import { wrapPool } from '../../src/adapters/pg/index.ts';
import { actor, runWithContext } from '../../src/index.ts';
import { type Design, USUAL } from './designs.ts';
import { serverCpu } from './server-cpu.ts';
import type { Workload } from './workloads.ts';

/** What one measurement took, per changed row. */
export interface Cost {
  /** Microseconds of CPU of all of the server's processes. */
  readonly cpu: number;
  /** Microseconds from the first call to the last answer. */
  readonly wall: number;
  /** Bytes of write-ahead log. */
  readonly wal: number;
  /** Bytes of the log of changes, without its indexes. */
  readonly stored: number;
}

/** What two measurements took on average. */
export function meanOf(one: Cost, other: Cost): Cost {
  const mean = (what: keyof Cost) => (one[what] + other[what]) / 2;
  return { cpu: mean('cpu'), wall: mean('wall'), wal: mean('wal'), stored: mean('stored') };
}

/** Where to measure. */
export interface Bench {
  readonly pool: pg.Pool;
  readonly admin: pg.Pool;
  readonly postmaster: number;
  /** How many callers write at the same time. */
  readonly callers: number;
}

/** Runs a workload on the table of a design, each call under a context of its own. */
export async function measure(bench: Bench, workload: Workload, design: Design): Promise<Cost> {
  const { pool, admin, postmaster, callers } = bench;
  const before = await positions(admin, design);
  const cpuBefore = await serverCpu(postmaster);
  const start = process.hrtime.bigint();
  let left = workload.calls;
  const caller = async (name: string): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const context = { actor: actor.user(name), requestId: `request-${left}`, source: 'http', remoteIp: '10.0.0.1' };
      await runWithContext(context, () => workload.run(pool, design.table));
    }
  };
  await Promise.all(Array.from({ length: callers }, (_, n) => caller(`user-${n}`)));
  const wall = Number(process.hrtime.bigint() - start) / 1000;
  const cpu = Number((await serverCpu(postmaster)) - cpuBefore) / 1000;
  const after = await positions(admin, design);
  const rows = workload.calls * workload.rows;
  const recorded = after.last - before.last;
  if (design.log !== undefined && recorded !== rows)
    throw new Error(`${design.name}: ${workload.name} changed ${rows} rows, and ${recorded} changes were recorded`);
  return {
    cpu: cpu / rows,
    wall: wall / rows,
    wal: (after.wal - before.wal) / rows,
    stored: (after.bytes - before.bytes) / rows,
  };
}

/** Opens all connections at once, so that none is born during a measurement. */
export async function openPool(config: pg.PoolConfig, connections: number): Promise<pg.Pool> {
  const pool = wrapPool(new pg.Pool({ ...config, max: connections, idleTimeoutMillis: 0 }));
  pool.on('error', () => {});
  const clients = await Promise.all(Array.from({ length: connections }, () => pool.connect()));
  for (const client of clients) client.release();
  return pool;
}

async function positions(admin: pg.Pool, { log }: Design): Promise<{ wal: number; bytes: number; last: number }> {
  const { rows } = await admin.query(
    log === undefined
      ? `select (pg_current_wal_insert_lsn() - '0/0')::float8 as wal, 0 as bytes, 0 as last`
      : `select (pg_current_wal_insert_lsn() - '0/0')::float8 as wal, pg_table_size('${log}')::float8 as bytes,
           (select ${log === USUAL.log ? 'count(*)' : 'coalesce(max(id), 0)'} from ${log})::float8 as last`,
  );
  return rows[0];
}
