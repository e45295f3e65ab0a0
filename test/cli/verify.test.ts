import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { before, test } from 'node:test';
import { install, installTriggers } from '../../src/sql/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { runThreadline, threadlineProgram } from './run-threadline.ts';

let database: TestDatabase;

before(async () => {
  database = await createTestDatabase();
  await install(database.admin);
  await database.admin.query(
    'create table users (id int primary key, name text); create table posts (id int); insert into users values (1)',
  );
  await installTriggers(database.admin, { tables: ['users'] });
});

const verify = (...flags: readonly string[]) => runThreadline(['verify', ...flags], { url: database.url });

test('verify prints the tables with their state, and ends with 0 where nothing was found', async () => {
  const { code, stdout, stderr } = await verify();
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(stdout, /^table +state\n/);
  assert.match(stdout, /^public\.posts +uncovered$/m);
  assert.match(stdout, /^public\.users +covered$/m);
  assert.match(stdout, /^No findings\./m);
});

test('verify --probe prints what came of it', async () => {
  assert.match((await verify('--probe')).stdout, /^public\.users +covered +captured$/m);
});

test('verify --tables finds a table that is not audited, says how to mend it, and ends with 1', async () => {
  const { code, stdout, stderr } = await verify('--tables', 'users,posts');
  assert.deepEqual([code, stderr], [1, '']);
  assert.match(stdout, /^table_uncovered: public\.posts\n {2}it is not audited\n {2}remedy: SELECT .*install_trigger/m);
  assert.match(stdout, /^1 finding\./m);
});

test('verify ends with 1 also where the reader of what it found has closed the pipe', async () => {
  const child = spawn(process.execPath, [await threadlineProgram(), 'verify', '--tables', 'posts'], {
    env: { ...process.env, DATABASE_URL: database.url },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child.stdout.destroy();
  const [code] = await once(child, 'close');
  assert.equal(code, 1);
});

test('verify --json prints the whole verification and nothing else, with the same exit code', async () => {
  const sound = await verify('--json');
  assert.equal(sound.code, 0);
  assert.equal(JSON.parse(sound.stdout).ok, true);
  const { code, stdout } = await verify('--json', '--tables', 'posts');
  assert.equal(code, 1);
  assert.deepEqual(
    JSON.parse(stdout).findings.map(({ code }: { code: string }) => code),
    ['table_uncovered'],
  );
});

test('an error is no finding: it goes to standard error', async () => {
  const { code, stdout, stderr } = await verify('--tables', 'usres');
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(stderr, /^TL_TABLE_NOT_FOUND: /);
});

test('install --readers and --writers grant, and refuse a role that does not exist', async () => {
  const { url, admin, name } = await createTestDatabase();
  const roles = [`cli reader of ${name}`, `cli,writer of ${name}`];
  for (const role of roles) await admin.query(`create role "${role}"`);
  try {
    const flags = ['--readers', roles[0] as string, '--writers', `"${roles[1]}"`];
    assert.equal((await runThreadline(['install', ...flags], { url })).code, 0);
    const { rows } = await admin.query(
      `select has_table_privilege($1, 'threadline.audit_changes', 'SELECT') as reads, has_function_privilege($2, p.oid, 'EXECUTE') as records
       from pg_proc p where p.proname = 'record_action'`,
      roles,
    );
    assert.deepEqual(rows, [{ reads: true, records: true }]);
    const { code, stderr } = await runThreadline(['install', '--readers', 'nobody here'], { url });
    assert.equal(code, 1);
    assert.match(stderr, /^TL_ROLE_NOT_FOUND: .*"nobody here"/);
    assert.match((await runThreadline(['install', ...flags, '--out', '-'])).stdout, /grant_access/);
  } finally {
    for (const role of roles) await admin.query(`drop owned by "${role}"; drop role "${role}"`);
  }
});
