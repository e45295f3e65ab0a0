import createKnex, { type Knex } from 'knex';
import pg from 'pg';
import postgres from 'postgres';
import { wrapKnex } from '../../src/adapters/knex/index.ts';
import { wrapPool } from '../../src/adapters/pg/index.ts';
import { wrapPostgres } from '../../src/adapters/postgres/index.ts';

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

/** The statement of an insert, and its values. */
export const INSERT = 'insert into bench_rows (label, amount) values ($1, $2)';
const SELECT = 'select id, label, amount from bench_rows where id = $1';
const LABEL = 'a label of some length';
export const ROW: unknown[] = [LABEL, 42];

/** A pool of pg as it comes. */
export function openPool(target: Target, max: number): pg.Pool {
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

function postgresDriver(sql: postgres.Sql): Driver {
  const insert = (on: postgres.ISql) => on`insert into bench_rows (label, amount) values (${LABEL}, ${42})`;
  const select = (on: postgres.ISql) => on`select id, label, amount from bench_rows where id = ${1}`;
  const inTransaction = (count: number, statement: (on: postgres.ISql) => PromiseLike<unknown>) =>
    sql.begin(async (tx) => {
      for (let index = 0; index < count; index += 1) await statement(tx);
    });
  return {
    insert: async () => await insert(sql),
    select: async () => await select(sql),
    insertsInTransaction: (count) => inTransaction(count, insert),
    selectsInTransaction: (count) => inTransaction(count, select),
    end: () => sql.end(),
  };
}

function knexDriver(knex: Knex): Driver {
  const insert = (on: Knex) => on('bench_rows').insert({ label: LABEL, amount: 42 });
  const select = (on: Knex) => on('bench_rows').select('id', 'label', 'amount').where({ id: 1 });
  const inTransaction = (count: number, statement: (on: Knex) => PromiseLike<unknown>) =>
    knex.transaction(async (tx) => {
      for (let index = 0; index < count; index += 1) await statement(tx);
    });
  return {
    // A builder is lazy: awaited here, as its users do, it runs once.
    insert: async () => await insert(knex),
    select: async () => await select(knex),
    insertsInTransaction: (count) => inTransaction(count, insert),
    selectsInTransaction: (count) => inTransaction(count, select),
    end: () => knex.destroy(),
  };
}

/** The drivers, by name. */
export const DRIVERS: Readonly<Record<string, OpenDriver>> = {
  pg: (target, { max, attributed }) => {
    const pool = openPool(target, max);
    return pgDriver(attributed ? wrapPool(pool) : pool);
  },
  postgres: ({ user, ...target }, { max, attributed }) => {
    const sql = postgres({ ...target, username: user, max });
    return postgresDriver(attributed ? wrapPostgres(sql) : sql);
  },
  knex: (target, { max, attributed }) => {
    const knex = createKnex({ client: 'pg', connection: target, pool: { min: 0, max } });
    return knexDriver(attributed ? wrapKnex(knex) : knex);
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
