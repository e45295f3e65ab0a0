import pg from 'pg';
import type { TestDatabase } from '../support/database.ts';

/** A role of its own for a test, with connections of its own. */
export interface TestRole {
  readonly name: string;
  readonly pool: pg.Pool;
  /** Ends the connections and removes the role with all that it owns in its database. */
  remove(): Promise<void>;
}

/** Makes a role that may log in and nothing else; `attributes` go into CREATE ROLE. */
export async function createRole(database: TestDatabase, purpose: string, attributes = ''): Promise<TestRole> {
  const name = `${purpose} of ${database.name}`;
  const quoted = pg.escapeIdentifier(name);
  await database.admin.query(`create role ${quoted} login ${attributes}`);
  const url = new URL(database.url);
  url.username = encodeURIComponent(name);
  const pool = new pg.Pool({ connectionString: url.href, max: 3, allowExitOnIdle: true });
  pool.on('error', () => {});
  return {
    name,
    pool,
    remove: async () => {
      await pool.end();
      await database.admin.query(`drop owned by ${quoted} cascade; drop role ${quoted}`);
    },
  };
}
