import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';
import { wrapPostgres } from '../../src/adapters/postgres/index.ts';
import { conform } from './conform.ts';
import { DRIZZLE_LIMITS, execute } from './drizzle-sql.ts';

type Database = Pick<PostgresJsDatabase, 'execute' | 'transaction'> & { readonly $client?: postgres.Sql };

await conform<Database, Database>({
  name: 'Drizzle: wrapPostgres',
  connect: (url, { max, attributed }) => {
    const sql = postgres(url, { max, onnotice: () => {} });
    return drizzle({ client: attributed ? wrapPostgres(sql) : sql });
  },
  end: (db) => db.$client?.end(),
  run: async (db, text, values) => [...(await execute(db, text, values))],
  result: execute,
  lazy: execute,
  script: (db, text) => execute(db, text, []),
  transaction: (db, body) => db.transaction(body),
  serializable: (db, body) => db.transaction(body, { isolationLevel: 'serializable' }),
  nested: (db, body) => db.transaction(body),
  limits: DRIZZLE_LIMITS,
});
