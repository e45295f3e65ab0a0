import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, chown, cp, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import pg from 'pg';
import { actor, history, install, installTriggers, timeline, verify } from '../../src/index.ts';
import { installedPostgres } from '../support/installed-postgres.ts';
import { postgresBinaries } from '../support/postgres-binaries.ts';
import { freePort, reachableBinaries, startPostgresServer, unprivilegedIdentity } from '../support/postgres-server.ts';
import { assertFound, assertReplays } from '../support/replay.ts';
import { enter, inTransaction } from './audited.ts';

const run = promisify(execFile);

/**
 * pg_upgrade asks the old version's programs for the control data, and npm has none of them. The format did not change
 * from 14 to 15, so those of 15 can answer; pg_resetwal itself refuses the data of another version.
 */
const RESETWAL = (installation: string) => `#!/bin/sh
for data; do :; done
"${installation}/bin/pg_controldata" "$data" | sed "p; s/^Latest checkpoint's REDO WAL file:/First log segment after reset:/"
`;

async function writeAs(pool: pg.Pool, name: string, ...statements: readonly string[]): Promise<void> {
  await inTransaction(pool, async (client) => {
    await enter(client, { actor: actor.user(name), correlationId: `of-${name}` });
    for (const statement of statements) await client.query(statement);
  });
}

test('after pg_upgrade from PostgreSQL 14 to 15 the log goes on: who wrote what, keys of every kind, triggers, a baseline', async (t: TestContext) => {
  const installation = await installedPostgres();
  if (installation !== '/usr/lib/postgresql/15')
    return t.skip(
      `npm has no pg_upgrade, and 14 can be upgraded to 15 without its programs; installed: ${installation}`,
    );
  const folder = await mkdtemp(join(tmpdir(), 'threadline-upgrade-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const identity = await unprivilegedIdentity();
  await chmod(folder, 0o755);
  if (identity) await chown(folder, identity.uid, identity.gid);
  const former = { binariesFrom: await postgresBinaries('14'), data: join(folder, 'old') };

  const tables = ['numbers', 'names', 'pairs', 'parts', 'brownfield'];
  await withServer(former, async (pool) => {
    await pool.query(`create table numbers (id int primary key, n int); create table names (id text primary key, n int);
      create table pairs (a int, b timestamptz, n int, primary key (a, b));
      create table parts (id bigint primary key, n int) partition by range (id);
      create table parts_1 partition of parts for values from (0) to (10);
      create table brownfield (id int primary key, n int); insert into brownfield select g, g from generate_series(1, 10) g`);
    await install(pool);
    await installTriggers(pool, { tables: tables.slice(0, 4) });
    await pool.query(`select * from threadline.install_triggers(array['brownfield'], baseline => true);
      select * from threadline.baseline_batch('brownfield', 4)`);
    await writeAs(
      pool,
      'ada',
      `insert into numbers values (-1, 1), (2, 1); insert into names values ('é"', 1); insert into parts values (3, 1)`,
      `insert into pairs values (1, '2026-01-02 03:04:05.678+00', 1); update numbers set n = 2 where id = 2`,
    );
  });

  const programs = join(folder, 'former');
  await cp(await reachableBinaries(former.binariesFrom, folder, identity), programs, { recursive: true });
  await symlink(join(installation, 'bin', 'pg_controldata'), join(programs, 'bin', 'pg_controldata'));
  await writeFile(join(programs, 'bin', 'pg_resetwal'), RESETWAL(installation), { mode: 0o755 });
  const bin = join(installation, 'bin');
  const as = { ...identity, cwd: folder };
  await run(join(bin, 'initdb'), ['-D', 'new', '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N'], as);
  const ports = ['-p', String(await freePort()), '-P', String(await freePort())];
  const upgrade = ['-b', join(programs, 'bin'), '-B', bin, '-d', 'old', '-D', 'new', '-U', 'postgres', '-s', folder];
  await run(join(bin, 'pg_upgrade'), [...upgrade, ...ports], as);

  await withServer({ installation, data: join(folder, 'new') }, async (pool) => {
    const { findings } = await verify(pool, { probe: true });
    assert.deepEqual(findings, []);
    assert.deepEqual(await installTriggers(pool, { tables: ['brownfield'], baseline: true }), { baselineRows: 6 });
    await writeAs(pool, 'grace', ...tables.map((table) => `update ${table} set n = 7`));
    for (const table of tables) {
      await assertReplays(pool, table);
      await assertFound(pool, table);
    }
    const changes = await history(pool, { table: 'names', pk: 'é"' });
    assert.deepEqual(
      changes.map(({ op, transaction }) => [op, transaction.actor]),
      [
        ['update', actor.user('grace')],
        ['insert', actor.user('ada')],
      ],
    );
    const ofAda = await timeline(pool, { correlationId: 'of-ada' });
    assert.equal(ofAda.length, 6);
    assert.equal(new Set(ofAda.map(({ transaction }) => transaction.id)).size, 1);
  });
});

async function withServer(
  options: { readonly binariesFrom?: string; readonly installation?: string; readonly data: string },
  use: (pool: pg.Pool) => Promise<void>,
): Promise<void> {
  const server = await startPostgresServer(options);
  const pool = new pg.Pool({ connectionString: server.url('postgres'), max: 2 });
  pool.on('error', () => {});
  await use(pool)
    .finally(() => pool.end())
    .finally(() => server.stop());
}
