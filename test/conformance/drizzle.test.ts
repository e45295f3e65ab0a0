import { sql } from 'drizzle-orm';
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import pg from 'pg';
import { wrapPool } from '../../src/adapters/pg/index.ts';
import { conform } from './conform.ts';

type Database = Pick<NodePgDatabase, 'execute' | 'transaction'> & { readonly $client?: pg.Pool };

await conform<Database, Database>({
  name: 'Drizzle: wrapPool',
  connect: (connectionString, { max, attributed }) => {
    const pool = new pg.Pool({ connectionString, max });
    return drizzle({ client: attributed ? wrapPool(pool) : pool });
  },
  end: (db) => db.$client?.end(),
  run: async (db, text, values) => (await execute(db, text, values)).rows,
  result: execute,
  lazy: execute,
  script: (db, text) => execute(db, text, []),
  transaction: (db, body) => db.transaction(body),
  serializable: (db, body) => db.transaction(body, { isolationLevel: 'serializable' }),
  nested: (db, body) => db.transaction(body),
  limits: {
    'a lazy query built in a context and awaited in none belongs to the one it was built in':
      'await the query in the context that it is to belong to; Drizzle does not say where it was built',
  },
});

function execute(db: Database, text: string, values: readonly string[]) {
  const parts = text.split(/\$\d/).map((part) => sql.raw(part));
  return db.execute(
    sql.join(parts.flatMap((part, index) => (index === 0 ? [part] : [sql`${values[index - 1]}`, part]))),
  );
}
