import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import pg from 'pg';
import { wrapPool } from '../../src/adapters/pg/index.ts';
import { conform } from './conform.ts';
import { DRIZZLE_LIMITS, execute } from './drizzle-sql.ts';

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
  limits: DRIZZLE_LIMITS,
});
