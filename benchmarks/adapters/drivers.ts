import pg from 'pg';
import { wrapPool } from '../../src/adapters/pg/index.ts';

/** Where to connect. */
export interface Target {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
}

/** What is measured of a driver, raw or wrapped. */
export interface Driver {
  insert(): Promise<unknown>;
  select(): Promise<unknown>;
  insertsInTransaction(count: number): Promise<unknown>;
  selectsInTransaction(count: number): Promise<unknown>;
  end(): Promise<unknown>;
}

/** How to open a driver; `attributed` applies the adapter. */
export type OpenDriver = (target: Target, options: { readonly max: number; readonly attributed: boolean }) => Driver;

const INSERT = 'insert into bench_rows (label, amount) values ($1, $2)';
const SELECT = 'select id, label, amount from bench_rows where id = $1';
const ROW = ['a label of some length', 42];

function openPool(target: Target, max: number): pg.Pool {
  const pool = new pg.Pool({ ...target, max });
  // Where a benchmark fails, the server goes before its connections do: that is not what to report.
  pool.on('error', () => {});
  return pool;
}

function pgDriver(pool: pg.Pool): Driver {
  const inTransaction = async (count: number, statement: readonly [string, unknown[]]) => {
    const client = await pool.connect();
    try {
      await client.query('begin');
      for (let index = 0; index < count; index += 1) await client.query(...statement);
      await client.query('commit');
    } finally {
      client.release();
    }
  };
  return {
    insert: () => pool.query(INSERT, ROW),
    select: () => pool.query(SELECT, [1]),
    insertsInTransaction: (count) => inTransaction(count, [INSERT, ROW]),
    selectsInTransaction: (count) => inTransaction(count, [SELECT, [1]]),
    end: () => pool.end(),
  };
}

/** The drivers, by name. */
export const DRIVERS: Readonly<Record<string, OpenDriver>> = {
  pg: (target, { max, attributed }) => {
    const pool = openPool(target, max);
    return pgDriver(attributed ? wrapPool(pool) : pool);
  },
};

/** What people write by hand: connect, BEGIN, set_config, the insert, COMMIT. */
export function handWritten(target: Target, max: number): { insert(): Promise<unknown>; end(): Promise<unknown> } {
  const pool = openPool(target, max);
  const actorRef = JSON.stringify({ type: 'user', id: '42' });
  return {
    insert: async () => {
      const client = await pool.connect();
      try {
        await client.query('begin');
        await client.query("select set_config('threadline.actor_ref', $1, true)", [actorRef]);
        await client.query(INSERT, ROW);
        await client.query('commit');
      } finally {
        client.release();
      }
    },
    end: () => pool.end(),
  };
}
