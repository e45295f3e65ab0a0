import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { before, test } from 'node:test';
import { actor, runWithActor } from '../../src/index.ts';
import { type Change, history, recordAction, timeline } from '../../src/query/index.ts';
import { auditedDatabase, writeUnder } from '../query/audited-database.ts';
import type { TestDatabase } from '../support/database.ts';
import { runThreadline, threadlineProgram } from './run-threadline.ts';

let database: TestDatabase;

before(async () => {
  const ddl = `
    create table users (id int primary key, name text, price numeric(10, 2));
    create schema sales;
    create table sales.orders (tenant text, id int, note text, primary key (tenant, id));
    create table notes (id text primary key, body text);`;
  database = await auditedDatabase(ddl, ['users', 'sales.orders', 'notes']);
  const pool = database.admin;
  await writeUnder(
    pool,
    { actor: actor.user('ada'), correlationId: 'req-1' },
    `insert into users values (-7, 'Ann', 1.50)`,
    `insert into users values (8, '山田 👩‍👩‍👧', 2)`,
  );
  await writeUnder(pool, { actor: actor.anonymous() }, `update users set name = 'Anna', price = null where id = -7`);
  await writeUnder(
    pool,
    {},
    `insert into sales.orders values ('acme', 1, E'two\\nlines \\u001b[31mred \\u202e'), ('b', 1, '')`,
  );
  const client = await pool.connect();
  try {
    await client.query('begin');
    await client.query(`delete from users where id = 8`);
    await runWithActor(actor.admin('bob'), () => recordAction(client, 'user.erased', { reason: 'asked for' }));
    await client.query('commit');
  } finally {
    client.release();
  }
  await pool.query(`insert into notes values ('a=b', repeat('wide ', 200))`);
});

/** Runs a command that must succeed and returns the lines that it prints. */
async function lines(...args: readonly string[]): Promise<readonly string[]> {
  const { code, stdout, stderr } = await runThreadline(args, { url: database.url });
  assert.deepEqual([code, stderr], [0, ''], args.join(' '));
  return stdout.trimEnd().split('\n');
}

async function json(...args: readonly string[]): Promise<readonly Change[]> {
  return JSON.parse((await lines(...args, '--json')).join('\n'));
}

/** A line of a table without its time, its cells apart. */
function cells(line: string | undefined): readonly string[] {
  return (line ?? '').slice(25).split(/ {2,}/);
}

test('the timeline is a table of who did what, aligned and without colour codes', async () => {
  const [title, rule, ...rows] = await lines('timeline', '--limit', '20');
  assert.deepEqual(title?.split(/ {2,}/), [
    'time (UTC)',
    'actor',
    'op',
    'table',
    'key',
    'action',
    'correlation',
    'values',
  ]);
  assert.match(rule ?? '', /^[─ ]+$/);
  assert.deepEqual(
    rows.map((row) => cells(row).slice(0, 5)),
    [
      ['none', 'insert', 'notes', 'a=b', `body: "${'wide '.repeat(18)}wi…`.slice(0, 100)],
      ['none', 'delete', 'users', '8', 'user.erased'],
      ['none', 'insert', 'sales.orders', 'id=1 tenant=b', 'note: ""'],
      ['none', 'insert', 'sales.orders', 'id=1 tenant=acme', 'note: "two\\nlines \\u001b[31mred \\u202e"'],
      ['anonymous', 'update', 'users', '-7', 'name: "Ann" → "Anna", price: "1.50" → null'],
      ['user:ada', 'insert', 'users', '8', 'req-1'],
      ['user:ada', 'insert', 'users', '-7', 'req-1'],
    ],
  );
  for (const row of rows) assert.match(row, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} {2}\S/);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that there are none is what is tested
  for (const row of [title, ...rows]) assert.doesNotMatch(row ?? '', /[\u0000-\u001f\u007f-\u009f\u202e]/);
});

test('--json is what the functions return', async () => {
  assert.deepEqual(await json('timeline'), await timeline(database.admin));
  const wanted = { table: 'sales.orders', pk: { tenant: 'acme', id: 1 } };
  assert.deepEqual(await json('history', 'sales.orders', 'tenant=acme', 'id=1'), await history(database.admin, wanted));
  assert.deepEqual(await json('timeline', '--actor', 'user:nobody'), []);
});

test('each filter of the timeline has its flag', async () => {
  const all = await timeline(database.admin);
  const middle = all[3] as Change;
  const cases: readonly [readonly string[], readonly Change[]][] = [
    [['--table', 'sales.orders'], all.slice(2, 4)],
    [['--actor', 'user:ada'], all.slice(5)],
    [['--actor', 'anonymous'], all.slice(4, 5)],
    [['--actor', 'none', '--op', 'insert'], [all[0], ...all.slice(2, 4)] as Change[]],
    [['--correlation-id', 'req-1'], all.slice(5)],
    [['--op', 'update,delete'], [all[1], all[4]] as Change[]],
    [['--from', middle.at], all.slice(0, 4)],
    [['--to', middle.at], all.slice(4)],
    [['--limit', '2'], all.slice(0, 2)],
    [['--limit', '2', '--cursor', middle.id], all.slice(4, 6)],
  ];
  for (const [flags, expected] of cases)
    assert.deepEqual(
      (await json('timeline', ...flags)).map(({ id }) => id),
      expected.map(({ id }) => id),
      flags.join(' '),
    );
});

test('a table that is not all ends with how to go on', async () => {
  const rows = await lines('timeline', '--limit', '2');
  const second = (await timeline(database.admin))[1];
  assert.equal(rows.at(-1), `There may be older ones: --cursor ${second?.id}`);
});

test('the history of a row shows what changed, from what to what, and why', async () => {
  const [title, , update, insert] = await lines('history', 'users', '--', '-7');
  assert.deepEqual(title?.split(/ {2,}/), ['time (UTC)', 'actor', 'op', 'key', 'correlation', 'values']);
  assert.deepEqual(cells(update), ['anonymous', 'update', '-7', 'name: "Ann" → "Anna", price: "1.50" → null']);
  assert.deepEqual(cells(insert), ['user:ada', 'insert', '-7', 'req-1', 'name: "Ann", price: "1.50"']);
  const [, , removed] = await lines('history', 'users', '8');
  assert.deepEqual(cells(removed), [
    'none',
    'delete',
    '8',
    'user.erased',
    'asked for',
    'name: "山田 👩‍👩‍👧", price: "2.00"',
  ]);
});

test('a key that holds an equals sign is a key', async () => {
  assert.equal((await json('history', 'notes', 'a=b')).length, 1);
});

test('nothing to show is said in words, or as an empty array', async () => {
  assert.deepEqual(await lines('history', 'users', '12345'), ['No changes.']);
  assert.deepEqual(await lines('history', 'users', '12345', '--json'), ['[]']);
});

test('a reader that closes the pipe early ends the run in silence', async () => {
  await database.admin.query(`insert into notes select 'n' || n, repeat('x', 2000) from generate_series(1, 1000) n`);
  const child = spawn(process.execPath, [await threadlineProgram(), 'timeline', '--json', '--limit', '1000'], {
    env: { ...process.env, DATABASE_URL: database.url },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let problem = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    problem += chunk;
  });
  child.stdout.once('data', () => child.stdout.destroy());
  const [code] = await once(child, 'close');
  assert.deepEqual([code, problem], [0, '']);
});

test('nor does JSON hold anything that steers a terminal, and it says the same', async () => {
  const printed = await lines('history', 'sales.orders', 'tenant=acme', 'id=1', '--json');
  for (const line of printed) assert.doesNotMatch(line, /[\p{Cc}\p{Bidi_Control}]/u);
  assert.match(printed.join(' '), /red \\u202e/);
  assert.match(JSON.stringify(JSON.parse(printed.join('\n'))), /red \u202e/u);
});
