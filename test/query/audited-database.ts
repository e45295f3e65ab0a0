import type pg from 'pg';
import { type AuditContextInput, makeScope } from '../../src/core/context.ts';
import { SET_CONFIG_SQL, settingsValues } from '../../src/core/wire.ts';
import { install, installTriggers } from '../../src/sql/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

/** A database with Threadline in it, and the given tables made and audited. */
export async function auditedDatabase(ddl: string, tables: readonly string[], schema?: string): Promise<TestDatabase> {
  const database = await createTestDatabase();
  await install(database.admin, { schema });
  await database.admin.query(ddl);
  await installTriggers(database.admin, { tables, schema });
  return database;
}

/** Runs statements in one transaction under a context, as a client in any language could. */
export async function writeUnder(
  pool: pg.Pool,
  context: AuditContextInput,
  ...statements: readonly string[]
): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    await client.query(SET_CONFIG_SQL, settingsValues(makeScope(context).settings));
    for (const statement of statements) await client.query(statement);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  } finally {
    client.release();
  }
}

/** Runs statements in one transaction without any context. */
export async function write(pool: pg.Pool, ...statements: readonly string[]): Promise<void> {
  await writeUnder(pool, {}, ...statements);
}
