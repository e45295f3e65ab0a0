import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { builtPackage, runThreadline } from './run-threadline.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const COMMANDS = ['install', 'triggers', 'uninstall-triggers', 'verify', 'timeline', 'history'];

let database: TestDatabase;
let directory: string;

before(async () => {
  database = await createTestDatabase();
  directory = await mkdtemp(join(tmpdir(), 'threadline-cli-'));
});
after(() => rm(directory, { recursive: true }));

test('--help lists every command on standard output', async () => {
  for (const flag of ['--help', '-h', 'help']) {
    const { code, stdout, stderr } = await runThreadline([flag]);
    assert.deepEqual([code, stderr], [0, '']);
    for (const command of COMMANDS) assert.match(stdout, new RegExp(`^ {2}${command} `, 'm'));
    assert.match(stdout, /DATABASE_URL/);
  }
});

test('COMMAND --help lists its flags', async () => {
  for (const command of COMMANDS) {
    const { code, stdout } = await runThreadline([command, '--help']);
    assert.equal(code, 0);
    assert.match(stdout, new RegExp(`^threadline ${command}: `));
    assert.match(stdout, /^ {2}--schema NAME /m);
  }
});

test('--version prints the version of the package', async () => {
  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  assert.deepEqual(await runThreadline(['--version']), { code: 0, stdout: `${version}\n`, stderr: '' });
});

test('what the command line does not know is refused with exit code 2, and the help that knows', async () => {
  const wrong: readonly [readonly string[], RegExp][] = [
    [[], /^TL_CLI_USAGE: No command was given\. See threadline --help\n$/],
    [['instal'], /^TL_CLI_USAGE: Unknown command instal\. See threadline --help\n$/],
    [['install', '--shema', 'x'], /^TL_CLI_USAGE: Unknown option '--shema'\. See threadline install --help\n$/],
    [['install', 'users'], /^TL_CLI_USAGE: threadline install takes flags only, not "users"\. /],
    [['install', '--schema'], /^TL_CLI_USAGE: Option '--schema <value>' argument missing\. /],
    [['install', '--force=yes'], /^TL_CLI_USAGE: /],
    [['triggers'], /^TL_CLI_USAGE: --tables is missing/],
    [['triggers', '--tables', ' '], /^TL_CLI_USAGE: --tables is missing/],
    [['triggers', '--tables', 'a,,b'], /^TL_CLI_USAGE: --tables has a comma too many/],
    [['triggers', '--tables', 'a,'], /^TL_CLI_USAGE: --tables has a comma too many/],
    [['triggers', '--tables', 'a', '--out', join(tmpdir(), 'no'), '--schema', ''], /^TL_INSTALL_OPTIONS_INVALID: /],
    [['triggers', '--tables', 'a;b', '--out', '-'], /^TL_IDENTIFIER_INVALID: /],
    [['triggers', '--tables', 'a', '--tables', 'b'], /^TL_CLI_USAGE: --tables is there more than once/],
    [['verify', '--tables', ''], /^TL_CLI_USAGE: --tables is empty/],
    [['install', '--readers', ' ', '--out', '-'], /^TL_CLI_USAGE: --readers is empty/],
    [['timeline', '--limit', 'many'], /^TL_CLI_USAGE: --limit must be a whole number/],
    [['timeline', '--actor', 'robot:7'], /^TL_ACTOR_TYPE_UNKNOWN: /],
    [['history', 'users'], /^TL_CLI_USAGE: A table and the key/],
    [['history', 'users', 'a', 'b=c'], /^TL_CLI_USAGE: A key of several columns/],
  ];
  for (const [args, expected] of wrong) {
    const { code, stdout, stderr } = await runThreadline(args, { url: database.url });
    assert.deepEqual([code, stdout], [2, ''], args.join(' '));
    assert.match(stderr, expected);
    assert.equal(stderr.split('\n').length, 2, 'one line, no stack');
  }
});

test('wrong filters are refused with exit code 2', async () => {
  for (const args of [
    ['--from', 'yesterday'],
    ['--op', 'upsert'],
    ['--limit', '5000'],
    ['--cursor', 'x'],
  ]) {
    const { code, stdout, stderr } = await runThreadline(['timeline', ...args], { url: database.url });
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, /^TL_FILTER_INVALID: /);
  }
});

test('a missing or wrong DATABASE_URL is told with exit code 2, without its password', async () => {
  const elsewhere = new URL(database.url);
  elsewhere.pathname = '/no_such_database';
  elsewhere.password = 'secret';
  const wrong: readonly [string | undefined, RegExp][] = [
    [undefined, /^TL_CLI_DATABASE_URL: DATABASE_URL is not set; set it to postgres:\/\//],
    ['', /^TL_CLI_DATABASE_URL: DATABASE_URL is not set/],
    ['localhost:5432', /^TL_CLI_DATABASE_URL: DATABASE_URL is not of the form/],
    ['mysql://u:secret@h/d', /^TL_CLI_DATABASE_URL: DATABASE_URL is not of the form/],
    ['postgres://u:secret@127.0.0.1:1/d', /^TL_CLI_DATABASE_URL: Cannot connect to 127\.0\.0\.1:1\/d: .*ECONNREFUSED/],
    // A slash that was not encoded: what looks like host, port and path is user and password.
    [
      'postgres://localhost:1/secret@h/d',
      /^TL_CLI_DATABASE_URL: Cannot connect to the server of DATABASE_URL \(special/,
    ],
    [
      'postgres://u:sec/ret@127.0.0.1:1/d',
      /^TL_CLI_DATABASE_URL: Cannot connect to the server of DATABASE_URL \(special/,
    ],
    [
      elsewhere.href,
      /^TL_CLI_DATABASE_URL: Cannot connect to .*\/no_such_database: database "no_such_database" does not exist/,
    ],
  ];
  for (const [url, expected] of wrong)
    for (const args of [['install'], ['timeline']]) {
      const { code, stdout, stderr } = await runThreadline(args, url === undefined ? {} : { url });
      assert.deepEqual([code, stdout], [2, ''], url);
      assert.match(stderr, expected);
      assert.doesNotMatch(stderr, /secret|\n.*\n/);
    }
});

test('a DATABASE_URL that names the folder of a socket, as Cloud SQL has it, is one', async (context) => {
  if (database.socketDirectory === undefined) return context.skip('the server is not ours');
  const url = `postgres://${database.user}:x@/${database.name}?host=${database.socketDirectory}&port=${database.port}`;
  const { code, stderr } = await runThreadline(['timeline', '--schema', 'nowhere'], { url });
  assert.equal(code, 1);
  assert.match(stderr, /^TL_NOT_INSTALLED: /);
});

/** A project with the given drivers, and a copy of Threadline elsewhere, as npx keeps it: what the project has is found from there. */
async function project(
  name: string,
  drivers: readonly string[],
): Promise<{ readonly cwd: string; readonly threadline: string }> {
  const cwd = join(directory, name, 'app');
  const elsewhere = join(directory, name, 'npx', 'node_modules');
  const threadline = join(elsewhere, 'threadline');
  await mkdir(join(cwd, 'node_modules'), { recursive: true });
  await cp(await builtPackage(), threadline, { recursive: true });
  await symlink(join(ROOT, 'node_modules', 'zod'), join(elsewhere, 'zod'));
  for (const driver of drivers) await symlink(join(ROOT, 'node_modules', driver), join(cwd, 'node_modules', driver));
  return { cwd, threadline };
}

test('without a driver in the project, the error names what to install; --out needs none', async () => {
  const { cwd, threadline } = await project('bare', []);
  const { code, stderr } = await runThreadline(['install'], { cwd, threadline, url: database.url });
  assert.equal(code, 2);
  assert.match(stderr, /^TL_CLI_DRIVER_MISSING: .*npm install pg/);
  assert.equal((await runThreadline(['install', '--out', 'up.sql'], { cwd, threadline })).code, 0);
});

test('postgres.js alone is enough, and tells of a wrong DATABASE_URL as well', async () => {
  const { cwd, threadline } = await project('with-postgres', ['postgres']);
  const installed = await runThreadline(['install'], { cwd, threadline, url: database.url });
  assert.deepEqual([installed.code, installed.stderr], [0, '']);
  await database.admin.query('create table tried (id int primary key)');
  const audited = await runThreadline(['triggers', '--tables', 'tried'], { cwd, threadline, url: database.url });
  assert.deepEqual([audited.code, audited.stderr], [0, '']);
  await database.admin.query('insert into tried values (1)');
  const told = await runThreadline(['timeline', '--json'], { cwd, threadline, url: database.url });
  assert.deepEqual(
    JSON.parse(told.stdout).map(({ op }: { op: string }) => op),
    ['insert'],
  );
  const refused = await runThreadline(['timeline'], { cwd, threadline, url: 'postgres://u@127.0.0.1:1/d' });
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /^TL_CLI_DATABASE_URL: Cannot connect to .*ECONNREFUSED/);
});
