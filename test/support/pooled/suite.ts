import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import pg from 'pg';
import { createTestDatabase } from '../database.ts';
import { createNotes, readNotes } from '../notes.ts';
import { startPgBouncer, withoutPgBouncer } from '../pgbouncer.ts';
import { INSERT } from './driver.ts';
import { poolerModes, workers } from './processes.ts';
import { type Work, work } from './workload.ts';

/** Registers the tests of one driver of this folder behind PgBouncer: three processes, and one client without the adapter. */
export function throughPgBouncer(driver: string): void {
  describe(`${driver} through PgBouncer: no value crosses clients`, { skip: withoutPgBouncer }, () => {
    const processes = workers<Work>(new URL('workload.ts', import.meta.url));

    for (const [mode, settings] of Object.entries(poolerModes(1)))
      test(mode, async () => {
        const database = await createTestDatabase();
        await createNotes(database.admin);
        const bouncer = await startPgBouncer({ server: database, settings });
        const url = bouncer.url(database.name);
        const task = {
          driver,
          url,
          transactions: settings['pool_mode'] === 'transaction',
          prepared: 'max_prepared_statements' in settings,
        };
        try {
          await Promise.all([
            ...processes.map((workIn, index) => workIn({ ...task, prefix: `process ${index}` })),
            work({ ...task, prefix: 'here' }),
            writeBare(url),
          ]);
        } finally {
          await bouncer.stop();
        }
        const rows = await readNotes(database.admin);
        assert.ok(rows.length >= 160);
        for (const row of rows) assert.equal(row.actor ?? 'nobody', row.body);
        assert.ok(rows.filter((row) => row.actor === null).length >= 40);
      });
  });
}

/** A client that knows nothing of contexts. */
async function writeBare(connectionString: string): Promise<void> {
  const pool = new pg.Pool({ connectionString, max: 3 });
  await Promise.all(Array.from({ length: 40 }, () => pool.query(INSERT, ['nobody'])));
  await pool.end();
}
