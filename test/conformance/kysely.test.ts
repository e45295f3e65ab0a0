import { CompiledQuery, type ControlledTransaction, Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import Cursor from 'pg-cursor';
import { wrapPool } from '../../src/adapters/pg/index.ts';
import { conform } from './conform.ts';

type Row = Readonly<Record<string, unknown>>;
type Transaction = ControlledTransaction<unknown, string[]>;

await conform<Kysely<unknown>, Kysely<unknown>>({
  name: 'Kysely: wrapPool',
  connect: (connectionString, { max, attributed }) => {
    const pool = new pg.Pool({ connectionString, max });
    const dialect = new PostgresDialect({ pool: attributed ? wrapPool(pool) : pool, cursor: Cursor });
    return new Kysely({ dialect });
  },
  end: (db) => db.destroy(),
  run: async (db, text, values) => (await db.executeQuery<Row>(CompiledQuery.raw(text, [...values]))).rows,
  result: (db, text, values) => db.executeQuery(CompiledQuery.raw(text, [...values])),
  script: (db, text) => db.executeQuery(CompiledQuery.raw(text)),
  transaction: async (db, body) => {
    const transaction = await db.startTransaction().execute();
    return finish(body(transaction), {
      keep: () => transaction.commit().execute(),
      undo: () => transaction.rollback().execute(),
    });
  },
  serializable: (db, body) => db.transaction().setIsolationLevel('serializable').execute(body),
  session: (db, body) => db.connection().execute(body),
  nested: async (outer, body) => {
    const name = `s${Math.random()}`;
    const transaction = await (outer as Transaction).savepoint(name).execute();
    return finish(body(transaction), {
      keep: () => transaction.releaseSavepoint(name).execute(),
      undo: () => transaction.rollbackToSavepoint(name).execute(),
    });
  },
  each: async (db, text, onRow) => {
    for await (const { rows } of db.getExecutor().stream(CompiledQuery.raw(text), 1)) rows.forEach(onRow);
  },
});

interface Ends {
  readonly keep: () => Promise<unknown>;
  readonly undo: () => Promise<unknown>;
}

async function finish<T>(work: Promise<T>, { keep, undo }: Ends): Promise<T> {
  try {
    const result = await work;
    await keep();
    return result;
  } catch (error) {
    await undo();
    throw error;
  }
}
