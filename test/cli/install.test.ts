import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import type pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { type Run, runThreadline, threadlineProgram } from './run-threadline.ts';

const DDL = `
  create table users (id int primary key, name text);
  create table "a,b ""c""" (id int primary key);
  create view seen as select * from users;`;

let direct: TestDatabase;
let byHand: TestDatabase;
let directory: string;

before(async () => {
  [direct, byHand] = [await createTestDatabase(), await createTestDatabase()];
  for (const { admin } of [direct, byHand]) await admin.query(DDL);
  directory = await mkdtemp(join(tmpdir(), 'threadline-cli-'));
});
after(() => rm(directory, { recursive: true }));

async function succeeds(run: Promise<Run>): Promise<string> {
  const { code, stdout, stderr } = await run;
  assert.deepEqual([code, stderr], [0, '']);
  return stdout;
}

/** All that an installation leaves in a database, as text. */
async function fingerprint(pool: pg.Pool): Promise<string> {
  const { rows } = await pool.query(`
    with own as (select oid from pg_namespace where nspname = 'threadline'),
    parts (part) as (
      select pg_get_functiondef(p.oid) || coalesce(p.proacl::text, '') from pg_proc p where p.pronamespace in (table own)
      union all
      select format('%s %s %s %s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), c.relacl)
      from pg_class c join pg_attribute a on a.attrelid = c.oid where c.relnamespace in (table own) and a.attnum > 0
      union all
      select pg_get_indexdef(i.indexrelid) from pg_index i join pg_class c on c.oid = i.indrelid where c.relnamespace in (table own)
      union all
      select pg_get_triggerdef(t.oid) || t.tgenabled::text from pg_trigger t where not t.tgisinternal
    )
    select string_agg(part, E'\\n' order by part collate "C") as fingerprint from parts`);
  return rows[0].fingerprint ?? '';
}

test('install and triggers apply to DATABASE_URL, and run again they change nothing', async () => {
  const install = ['install'];
  const triggers = ['triggers', '--tables', 'users, "a,b ""c"""'];
  const { url, admin } = direct;
  assert.match(
    await succeeds(runThreadline(install, { url })),
    /^Threadline is installed in the schema threadline, version \d+\.\n(?:Note: .+\n)*$/,
  );
  assert.equal(await succeeds(runThreadline(triggers, { url })), 'Audited: users, "a,b ""c""".\n');
  const first = await fingerprint(admin);
  assert.match(first, /ON public\."a,b ""c"""/);
  await succeeds(runThreadline(install, { url }));
  await succeeds(runThreadline(triggers, { url }));
  assert.equal(await fingerprint(admin), first);
});

test('the files of --out, run by hand, install the same', async () => {
  const up = join(directory, '001_threadline.sql');
  const audit = join(directory, '002_audit.sql');
  assert.equal(await succeeds(runThreadline(['install', '--out', up])), `Wrote ${up}.\n`);
  await succeeds(runThreadline(['triggers', '--tables', 'users,"a,b ""c"""', '--out', audit]));
  for (const file of [up, audit, up, audit]) await byHand.admin.query(await readFile(file, 'utf8'));
  assert.equal(await fingerprint(byHand.admin), await fingerprint(direct.admin));
});

test('a file that says the same already is not written again, and no other is overwritten', async () => {
  const file = join(directory, 'kept.sql');
  await succeeds(runThreadline(['install', '--out', file]));
  const { mtimeMs, ino } = await stat(file);
  assert.equal(
    await succeeds(runThreadline(['install', '--out', file])),
    `${file} is up to date; nothing was written.\n`,
  );
  assert.deepEqual([(await stat(file)).mtimeMs, (await stat(file)).ino], [mtimeMs, ino]);
  await writeFile(file, '-- mine');
  const refused = await runThreadline(['install', '--out', file]);
  assert.deepEqual([refused.code, refused.stdout], [2, '']);
  assert.match(refused.stderr, /^TL_CLI_FILE_DIFFERS: .*--force/);
  assert.equal(await readFile(file, 'utf8'), '-- mine');
  await succeeds(runThreadline(['install', '--out', file, '--force']));
  assert.match(await readFile(file, 'utf8'), /threadline/);
});

test('--out - writes the SQL to standard output and nothing else', async () => {
  const sql = await succeeds(runThreadline(['install', '--out', '-']));
  assert.equal(sql, await readFile(join(directory, '001_threadline.sql'), 'utf8'));
});

test('--out writes through a symbolic link, and into a pipe', async () => {
  const sql = await succeeds(runThreadline(['install', '--out', '-']));
  const [file, link] = [join(directory, 'migration.sql'), join(directory, 'latest.sql')];
  await writeFile(file, '-- mine');
  await symlink(file, link);
  await succeeds(runThreadline(['install', '--out', link, '--force']));
  assert.equal(await readFile(file, 'utf8'), sql);
  const piped = '"$0" "$1" install --out /dev/stdout | cat';
  const run = promisify(execFile)('bash', ['-c', piped, process.execPath, await threadlineProgram()], {
    timeout: 20_000,
  });
  assert.equal((await run).stdout, sql);
});

test('a file that cannot be written is one line of error with exit code 1, and leaves nothing', async () => {
  const before = await readdir(directory);
  for (const file of [join(directory, 'no', 'such', 'folder.sql'), directory]) {
    const { code, stderr } = await runThreadline(['install', '--out', file]);
    assert.equal(code, 1);
    assert.match(stderr, /^E(NOENT|ISDIR): .*\n$/);
  }
  assert.deepEqual(await readdir(directory), before);
});

test('tables that cannot be audited are named, with exit code 1, and none of the list is audited', async () => {
  await direct.admin.query('create table fresh (id int primary key)');
  const state = await fingerprint(direct.admin);
  for (const [list, code] of [
    ['fresh,usres', 'TL_TABLE_NOT_FOUND'],
    ['fresh,seen', 'TL_TABLE_UNSUPPORTED'],
    ['fresh,threadline.audit_changes', 'TL_TABLE_OWN'],
  ]) {
    const run = await runThreadline(['triggers', '--tables', list as string], { url: direct.url });
    assert.deepEqual([run.code, run.stdout], [1, '']);
    assert.match(run.stderr, new RegExp(`^${code}: .*\\n$`));
  }
  assert.equal(await fingerprint(direct.admin), state);
});

test('commands that need an installation say so where there is none', async () => {
  const { url } = await createTestDatabase();
  for (const args of [['timeline'], ['triggers', '--tables', 'users'], ['history', 'users', '1']]) {
    const { code, stdout, stderr } = await runThreadline(args, { url });
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^TL_NOT_INSTALLED: .*\n$/);
  }
});

test('uninstall-triggers stops auditing and keeps what was recorded', async () => {
  const { url, admin } = direct;
  await admin.query(`insert into users values (1, 'kept')`);
  assert.equal(
    await succeeds(runThreadline(['uninstall-triggers', '--tables', 'users'], { url })),
    'No longer audited: users.\n',
  );
  await admin.query(`insert into users values (2, 'unseen')`);
  const { rows } = await admin.query(`select data_after->>'name' as name from threadline.audit_changes`);
  assert.deepEqual(rows, [{ name: 'kept' }]);
});

test('--schema installs, audits and reads elsewhere', async () => {
  const { url, admin } = await createTestDatabase();
  await admin.query(DDL);
  const schema = ['--schema', 'Audit Log'];
  assert.match(await succeeds(runThreadline(['install', ...schema], { url })), /schema Audit Log,/);
  await succeeds(runThreadline(['triggers', '--tables', 'users', ...schema], { url }));
  await admin.query(`insert into users values (1, 'x')`);
  assert.match(await succeeds(runThreadline(['timeline', ...schema], { url })), / insert .* users /);
  assert.equal((await runThreadline(['timeline'], { url })).code, 1);
});
