import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { createTestDatabase } from '../database.ts';
import { createNotes, readNotes } from '../notes.ts';
import { pgBouncerVersion, startPgBouncer, withoutPgBouncer } from '../pgbouncer.ts';
import { INSERT } from './driver.ts';
import { type Work, work } from './workload.ts';

const [major, minor] = withoutPgBouncer ? [0, 0] : pgBouncerVersion();

/** Every mode that the installed version has. */
const MODES: Readonly<Record<string, Readonly<Record<string, string | number>>>> = {
  'transaction pooling, one server connection': { pool_mode: 'transaction', default_pool_size: 1 },
  'transaction pooling, five server connections': { pool_mode: 'transaction', default_pool_size: 5 },
  'statement pooling, one server connection': { pool_mode: 'statement', default_pool_size: 1 },
  ...(major > 1 || minor >= 21
    ? {
        'transaction pooling with prepared statements': {
          pool_mode: 'transaction',
          default_pool_size: 1,
          max_prepared_statements: 100,
        },
      }
    : {}),
};

/** Registers the tests of one driver of this folder behind PgBouncer: three processes, and one client without the adapter. */
export function throughPgBouncer(driver: string): void {
  describe(`${driver} through PgBouncer: no value crosses clients`, { skip: withoutPgBouncer }, () => {
    const processes: ChildProcess[] = [];

    before(() => {
      const module = fileURLToPath(new URL('workload.ts', import.meta.url));
      for (const _process of [1, 2]) processes.push(fork(module, { execArgv: ['--import', 'tsx'] }));
    });

    after(() => {
      for (const process of processes) process.disconnect();
    });

    for (const [mode, settings] of Object.entries(MODES))
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
            ...processes.map((process, index) => workIn(process, { ...task, prefix: `process ${index}` })),
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

async function workIn(process: ChildProcess, task: Work): Promise<void> {
  process.send(task);
  const ended = once(process, 'exit').then(([code]) => [`the process ended with ${code}`]);
  const [answer] = await Promise.race([once(process, 'message'), ended]);
  assert.equal(answer, 'done');
}

/** A client that knows nothing of contexts. */
async function writeBare(connectionString: string): Promise<void> {
  const pool = new pg.Pool({ connectionString, max: 3 });
  await Promise.all(Array.from({ length: 40 }, () => pool.query(INSERT, ['nobody'])));
  await pool.end();
}
