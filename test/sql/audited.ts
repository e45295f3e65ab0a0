import type pg from 'pg';
import { type AuditContextInput, makeScope } from '../../src/core/context.ts';
import { SET_CONFIG_SQL, settingsValues } from '../../src/core/wire.ts';
import { install, installTriggers } from '../../src/sql/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

/** A database with Threadline in it. */
export async function auditedDatabase(): Promise<TestDatabase> {
  const database = await createTestDatabase();
  await install(database.admin);
  return database;
}

/** Makes a table and audits it. */
export async function audit(pool: pg.Pool, table: string, ddl: string): Promise<void> {
  await pool.query(ddl);
  await installTriggers(pool, { tables: [table] });
}

/** One recorded change, as the columns of the log have it. */
export interface RecordedChange {
  readonly transaction_id: string;
  readonly table_schema: string;
  readonly table_name: string;
  readonly partition_name: string | null;
  readonly op: string;
  readonly table_pk: unknown;
  readonly table_pk_before: unknown;
  readonly changed_fields: readonly string[] | null;
  readonly changed_from: unknown;
  readonly data_after: unknown;
}

/** The changes of a table in the order of their ids. */
export async function changesOf(pool: pg.Pool, table: string): Promise<readonly RecordedChange[]> {
  const { rows } = await pool.query(
    `select transaction_id::text, table_schema, table_name, partition_name, op, table_pk, table_pk_before, changed_fields,
       changed_from, data_after
     from threadline.audit_changes where table_name = $1 order by id`,
    [table],
  );
  return rows;
}

/** The audit transactions of the changes of a table, each once, in the order of their ids. */
export async function transactionsOf(pool: pg.Pool, table: string): Promise<readonly Record<string, unknown>[]> {
  const { rows } = await pool.query(
    `select t.* from threadline.audit_transactions t
     where exists (select from threadline.audit_changes c where c.transaction_id = t.id and c.table_name = $1) order by t.id`,
    [table],
  );
  return rows;
}

/** Begins a transaction on a connection of its own, runs `work` in it, and commits. */
export async function inTransaction<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback');
    throw error;
  } finally {
    client.release();
  }
}

/** Runs `work` with all event triggers off: what it does to tables goes unnoticed. */
export async function withoutEventTriggers(pool: pg.Pool, work: () => Promise<unknown>): Promise<void> {
  const { rows } = await pool.query('select evtname from pg_event_trigger');
  const turn = async (word: 'disable' | 'enable') => {
    for (const { evtname } of rows) await pool.query(`alter event trigger "${evtname}" ${word}`);
  };
  await turn('disable');
  try {
    await work();
  } finally {
    await turn('enable');
  }
}

/** Puts a context into force for the rest of the transaction, as an adapter does. */
export async function enter(client: pg.ClientBase, context: AuditContextInput): Promise<void> {
  await client.query(SET_CONFIG_SQL, settingsValues(makeScope(context).settings));
}
