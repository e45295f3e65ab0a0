import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { runInNewContext } from 'node:vm';
import type pg from 'pg';
import { actor, isThreadlineError } from '../../src/index.ts';
import { type Change, history, type RowKey } from '../../src/query/index.ts';
import { installTriggers, uninstallTriggers } from '../../src/sql/index.ts';
import { auditedDatabase, write, writeUnder } from './audited-database.ts';

let pool: pg.Pool;

before(async () => {
  const ddl = `
    create table people (id int primary key, name text);
    create table slots (id int primary key deferrable initially deferred, name text);
    create schema sales;
    create table sales.orders (id uuid primary key, total numeric);
    create table "Odd ""Table"".x" ("The Key" text primary key, note text);
    create table members (tenant text, id bigint, role text, primary key (id, tenant));
    create table keyless (name text);
    create table events (id int, at date, name text, primary key (id, at)) partition by range (at);
    create table events_2026 partition of events for values from ('2026-01-01') to ('2027-01-01');`;
  const tables = ['people', 'slots', 'sales.orders', '"Odd ""Table"".x"', 'members', 'keyless', 'events'];
  pool = (await auditedDatabase(ddl, tables)).admin;
});

/** What a history tells, in short: the operation and what the row was left as. */
function short(changes: readonly Change[]): readonly string[] {
  return changes.map(({ op, after }) => (after === null ? op : `${op} ${JSON.stringify(Object.values(after))}`));
}

async function code(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'no error',
    (error: unknown) => (isThreadlineError(error) ? error.code : error),
  );
}

test('the history of a row is its changes, newest first, with both images and who made them', async () => {
  await writeUnder(pool, { actor: actor.user('ada'), correlationId: 'c-1' }, `insert into people values (1, 'Ann')`);
  await writeUnder(
    pool,
    {
      actor: actor.admin('bob'),
      correlationId: 'c-2',
      requestId: 'r',
      jobId: 'j',
      source: 'http',
      remoteIp: '::1',
      meta: { big: 1.5 },
    },
    `update people set name = 'Anna' where id = 1`,
  );
  await write(pool, `delete from people where id = 1`, `insert into people values (2, 'other')`);
  const changes = await history(pool, { table: 'people', pk: 1 });
  const [removed, updated, inserted] = changes;
  assert.equal(changes.length, 3);
  assert.deepEqual(
    [removed?.op, removed?.before, removed?.after, removed?.pk],
    ['delete', { id: 1, name: 'Anna' }, null, { id: 1 }],
  );
  assert.equal(removed?.transaction.actor, null);
  assert.match(updated?.at ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  const { id, at, transaction, ...rest } = updated as Change;
  assert.ok(Math.abs(Date.parse(at) - Date.now()) < 600_000);
  assert.equal(typeof id, 'string');
  assert.deepEqual(rest, {
    op: 'update',
    table: { schema: 'public', name: 'people' },
    partition: null,
    pk: { id: 1 },
    pkBefore: null,
    changedFields: ['name'],
    before: { id: 1, name: 'Ann' },
    after: { id: 1, name: 'Anna' },
  });
  assert.deepEqual(
    { ...transaction, id: '' },
    {
      id: '',
      actor: { type: 'admin', id: 'bob' },
      correlationId: 'c-2',
      requestId: 'r',
      jobId: 'j',
      source: 'http',
      remoteIp: '::1',
      meta: { big: 1.5 },
      dbUser: 'postgres',
      applicationName: null,
      action: null,
    },
  );
  assert.deepEqual([inserted?.op, inserted?.before, inserted?.changedFields], ['insert', null, []]);
});

test('what a key is given as does not matter, as long as its column means the same', async () => {
  await write(
    pool,
    `insert into people values (42, 'x')`,
    `insert into sales.orders values ('6ba7b810-9dad-11d1-80b4-00c04fd430c8', 1)`,
    `insert into members values ('t', 9007199254740993, 'owner')`,
  );
  for (const pk of [42, '42', 42n, { id: 42 }, { id: '42' }, ' 42 ', '42.0'])
    assert.equal((await history(pool, { table: 'people', pk })).length, 1, String(pk));
  for (const pk of ['6ba7b810-9dad-11d1-80b4-00c04fd430c8', '{6BA7B8109DAD11D180B400C04FD430C8}'])
    assert.equal((await history(pool, { table: 'sales.orders', pk })).length, 1, pk);
  for (const id of [9007199254740993n, '9007199254740993'])
    assert.equal((await history(pool, { table: 'members', pk: { tenant: 't', id } })).length, 1);
  assert.equal((await history(pool, { table: 'members', pk: { tenant: 't', id: 9007199254740992n } })).length, 0);
});

test('a change leads to the history of its row', async () => {
  await write(pool, `insert into members values ('u', 9007199254740999, 'owner')`);
  const [change] = await history(pool, { table: 'members', pk: { tenant: 'u', id: '9007199254740999' } });
  assert.deepEqual(change?.pk, { id: '9007199254740999', tenant: 'u' });
  const again = await history(pool, { table: change?.table ?? '', pk: change?.pk ?? '' });
  assert.deepEqual(again, [change]);
});

test('keys of every common type are found again, also in another time zone and style', async () => {
  const values: Readonly<
    Record<string, readonly [stored: string, ...asked: (string | number | bigint | Date | boolean)[]]>
  > = {
    smallint: ['7', 7, '7'],
    'numeric(20,4)': ['123456789012.5', '123456789012.5', '123456789012.5000', 123456789012.5],
    'double precision': ['0.1', 0.1, '0.1'],
    real: ['0.1', 0.1, '0.1'],
    boolean: ['true', true, 't'],
    text: ['a "b" \\ {c} 1.50', 'a "b" \\ {c} 1.50'],
    'varchar(3)': ['abc', 'abc'],
    'char(5)': ['ab', 'ab', 'ab   '],
    timestamptz: ['2026-03-01 12:00:00.123456+02', '2026-03-01T10:00:00.123456Z', '2026-03-01 12:00:00.123456+02'],
    timestamp: ['2026-03-01 12:00:00', '2026-03-01T12:00:00', new Date('2026-03-01T12:00:00Z')],
    date: ['2026-03-01', '2026-03-01', new Date('2026-03-01T00:00:00Z')],
    bytea: ['\\xdeadbeef', '\\xDEADBEEF'],
    interval: ['1 day 02:00', '1 day 02:00:00', '1 day 2 hours'],
    inet: ['10.0.0.1', '10.0.0.1'],
    mood: ['so so', 'so so'],
    positive: ['12', 12, '12'],
    moment: [
      '2026-03-01 12:00:00+00',
      new Date('2026-03-01T12:00:00Z'),
      runInNewContext(`new Date('2026-03-01T12:00:00Z')`),
    ],
    int4range: ['[1,5)', '[1,5)', '[1,4]'],
    'timestamptz ': ['infinity', 'infinity'],
    '"char"': ['x', 'x'],
    name: ['n', 'n'],
    oid: ['123', '123', 123],
  };
  await pool.query(`create type mood as enum ('so so', 'well'); create domain positive as int check (value > 0);
    create domain some_moment as timestamptz; create domain moment as some_moment not null`);
  let number = 0;
  for (const [type, [stored, ...asked]] of Object.entries(values)) {
    number += 1;
    const table = `typed_${number}`;
    await pool.query(`create table ${table} (k ${type} primary key, v int)`);
    await installTriggers(pool, { tables: [table] });
    await pool.query(`insert into ${table} values ($1, 1)`, [stored]);
    for (const pk of asked) assert.equal((await history(pool, { table, pk })).length, 1, `${type}: ${pk}`);
    const client = await pool.connect();
    try {
      await client.query(`set timezone = 'Asia/Tokyo'; set datestyle = 'SQL, DMY'; set bytea_output = 'escape'`);
      for (const pk of asked) assert.equal((await history(client, { table, pk })).length, 1, `${type} in Tokyo: ${pk}`);
    } finally {
      client.release(true);
    }
  }
});

test('a longer text than its char or varchar column can hold finds nothing', async () => {
  await pool.query('create table codes (k varchar(3) primary key); create table padded (k char(3) primary key)');
  await installTriggers(pool, { tables: ['codes', 'padded'] });
  await write(pool, `insert into codes values ('abc')`, `insert into padded values ('abc')`);
  assert.deepEqual(await history(pool, { table: 'codes', pk: 'abcd' }), []);
  assert.deepEqual(await history(pool, { table: 'padded', pk: 'abcd' }), []);
});

test('any legal name is found as it stands in SQL, and by its exact names', async () => {
  await write(pool, `insert into "Odd ""Table"".x" values ('a?b $1', 'hello')`);
  const asText = await history(pool, { table: '"Odd ""Table"".x"', pk: 'a?b $1' });
  assert.equal(asText.length, 1);
  assert.deepEqual(await history(pool, { table: { name: 'Odd "Table".x' }, pk: { 'The Key': 'a?b $1' } }), asText);
  assert.deepEqual(await history(pool, { table: { schema: 'public', name: 'Odd "Table".x' }, pk: 'a?b $1' }), asText);
});

test('pages go on after the last change of the page before', async () => {
  await write(pool, `insert into people values (50, '0')`);
  for (const name of [1, 2, 3, 4, 5, 6]) await write(pool, `update people set name = '${name}' where id = 50`);
  const all = await history(pool, { table: 'people', pk: 50 });
  const pages: Change[] = [];
  for (;;) {
    const page = await history(pool, { table: 'people', pk: 50, limit: 3, cursor: pages.at(-1)?.id });
    if (page.length === 0) break;
    assert.ok(page.length <= 3);
    pages.push(...page);
  }
  assert.equal(pages.length, 7);
  assert.deepEqual(pages, all);
});

test('a row that got its key by an update brings along what happened under its former keys', async () => {
  await write(pool, `insert into people values (100, 'a')`);
  await write(pool, `update people set name = 'b' where id = 100`);
  await write(pool, `update people set id = 101 where id = 100`);
  await write(pool, `update people set id = 102, name = 'c' where id = 101`);
  await write(pool, `update people set name = 'd' where id = 102`);
  const changes = await history(pool, { table: 'people', pk: 102 });
  assert.deepEqual(short(changes), [
    'update [102,"d"]',
    'update [102,"c"]',
    'update [101,"b"]',
    'update [100,"b"]',
    'insert [100,"a"]',
  ]);
  assert.deepEqual(changes[1]?.pkBefore, { id: 101 });
  assert.deepEqual(changes[1]?.before, { id: 101, name: 'b' });
  const paged = await history(pool, { table: 'people', pk: 102, limit: 2, cursor: changes[1]?.id });
  assert.deepEqual(paged, changes.slice(2, 4));
});

test('other rows that had the former key, before or after, stay out', async () => {
  await write(pool, `insert into people values (110, 'before')`, `delete from people where id = 110`);
  await write(pool, `insert into people values (110, 'mine')`);
  await write(pool, `update people set id = 111 where id = 110`);
  await write(pool, `insert into people values (110, 'after')`);
  assert.deepEqual(short(await history(pool, { table: 'people', pk: 111 })), [
    'update [111,"mine"]',
    'insert [110,"mine"]',
  ]);
});

test('a row that came while nobody recorded does not take over the past of one that was deleted', async () => {
  await pool.query('create table gaps (id int primary key, name text)');
  await installTriggers(pool, { tables: ['gaps'] });
  await write(pool, `insert into gaps values (1, 'other')`, 'delete from gaps');
  await uninstallTriggers(pool, { tables: ['gaps'] });
  await write(pool, `insert into gaps values (1, 'unseen')`);
  await installTriggers(pool, { tables: ['gaps'] });
  await write(pool, 'update gaps set id = 2');
  assert.deepEqual(short(await history(pool, { table: 'gaps', pk: 2 })), ['update [2,"unseen"]']);
});

test('under the key that is asked for, all rows that ever had it are told, with how each left', async () => {
  await write(pool, `insert into people values (120, 'first')`);
  await write(pool, `update people set id = 121 where id = 120`);
  await write(pool, `insert into people values (120, 'second')`);
  await write(pool, `delete from people where id = 120`);
  await write(pool, `insert into people values (120, 'third')`);
  const changes = await history(pool, { table: 'people', pk: 120 });
  assert.deepEqual(short(changes), [
    'insert [120,"third"]',
    'delete',
    'insert [120,"second"]',
    'update [121,"first"]',
    'insert [120,"first"]',
  ]);
});

test('a row that comes back to its key tells everything once', async () => {
  await write(pool, `insert into people values (130, 'a')`);
  for (const [from, to] of [
    [130, 131],
    [131, 130],
    [130, 131],
    [131, 130],
  ])
    await write(pool, `update people set id = ${to} where id = ${from}`);
  const changes = await history(pool, { table: 'people', pk: 130 });
  assert.equal(new Set(changes.map(({ id }) => id)).size, changes.length);
  assert.deepEqual(
    changes.map(({ pk }) => pk?.['id']),
    [130, 131, 130, 131, 130],
  );
});

test('rows that swap their keys in one statement are not taken for each other', async () => {
  await write(pool, `insert into slots values (1, 'one'), (2, 'two')`);
  await write(pool, `update slots set name = name || '!'`);
  await write(pool, `update slots set id = 3 - id`);
  await write(pool, `update slots set name = name || '?'`);
  assert.deepEqual(short(await history(pool, { table: 'slots', pk: 2 })), [
    'update [2,"one!?"]',
    'update [1,"two!"]',
    'update [2,"one!"]',
    'update [2,"two!"]',
    'update [1,"one!"]',
    'insert [2,"two"]',
    'insert [1,"one"]',
  ]);
  const atOne = short(await history(pool, { table: 'slots', pk: 1 }));
  assert.deepEqual(atOne, [
    'update [1,"two!?"]',
    'update [1,"two!"]',
    'update [2,"one!"]',
    'update [2,"two!"]',
    'update [1,"one!"]',
    'insert [2,"two"]',
    'insert [1,"one"]',
  ]);
});

test('rows that move up by one in one statement bring along their own past only', async () => {
  await write(pool, `insert into slots select n, 'row ' || n from generate_series(11, 14) n`);
  await write(pool, `update slots set id = id + 1 where id between 11 and 14`);
  assert.deepEqual(short(await history(pool, { table: 'slots', pk: 13 })), [
    'update [14,"row 13"]',
    'update [13,"row 12"]',
    'insert [13,"row 13"]',
    'insert [12,"row 12"]',
  ]);
  assert.deepEqual(short(await history(pool, { table: 'slots', pk: 15 })), [
    'update [15,"row 14"]',
    'insert [14,"row 14"]',
  ]);
});

test('keys that change places by way of a third one, all in one transaction, are followed', async () => {
  await write(pool, `insert into people values (140, 'a'), (141, 'b')`);
  await write(
    pool,
    `update people set id = -1 where id = 140`,
    `update people set name = 'a2' where id = -1`,
    `update people set id = 140 where id = 141`,
    `update people set id = 141 where id = -1`,
  );
  assert.deepEqual(short(await history(pool, { table: 'people', pk: 141 })), [
    'update [141,"a2"]',
    'update [140,"b"]',
    'update [-1,"a2"]',
    'update [-1,"a"]',
    'insert [141,"b"]',
    'insert [140,"a"]',
  ]);
});

test('a TRUNCATE of a partition is part of the history of the rows that were in it, and of no other', async () => {
  await pool.query(`create table shelves (id int primary key) partition by range (id);
    create table shelf_1 partition of shelves for values from (0) to (10); create table shelf_2 partition of shelves for values from (10) to (20)`);
  await installTriggers(pool, { tables: ['shelves'] });
  await pool.query(`insert into shelves values (1), (11); truncate shelf_2; truncate shelf_2; update shelves set id = 2 where id = 1;
    update shelves set id = 12 where id = 2; truncate shelf_1; insert into shelves values (1); truncate shelf_2; truncate shelves`);
  const ops = async (pk: number) =>
    (await history(pool, { table: 'shelves', pk })).map(({ op, partition }) => [op, partition]);
  assert.deepEqual(await ops(11), [
    ['truncate', 'public.shelf_2'],
    ['insert', 'public.shelf_2'],
  ]);
  assert.deepEqual((await ops(12))[0], ['truncate', 'public.shelf_2']);
  assert.deepEqual(
    (await ops(1)).map(([op]) => op),
    ['truncate', 'insert', 'update', 'insert'],
  );
});

test('a TRUNCATE is part of the history of the rows that it removed, and of no other', async () => {
  await pool.query('create table logs (id int primary key, name text)');
  await installTriggers(pool, { tables: ['logs'] });
  await write(pool, `truncate logs`);
  await write(pool, `insert into logs values (1, 'a'), (2, 'b'), (3, 'c')`);
  await write(pool, `delete from logs where id = 2`, `update logs set id = 4 where id = 3`);
  await write(pool, `truncate logs`);
  await write(pool, `truncate logs`);
  const ops = async (pk: number) => (await history(pool, { table: 'logs', pk })).map(({ op }) => op);
  assert.deepEqual(await ops(1), ['truncate', 'insert']);
  assert.deepEqual(await ops(2), ['delete', 'insert']);
  assert.deepEqual(await ops(3), ['update', 'insert']);
  assert.deepEqual(await ops(4), ['truncate', 'update', 'insert']);
  assert.deepEqual(await ops(5), []);
});

test('a partition stands for its table', async () => {
  await write(pool, `insert into events_2026 values (1, '2026-05-05', 'x')`);
  const byTable = await history(pool, { table: 'events', pk: { id: 1, at: '2026-05-05' } });
  assert.equal(byTable.length, 1);
  assert.deepEqual(byTable[0]?.table, { schema: 'public', name: 'events' });
  assert.deepEqual(await history(pool, { table: 'events_2026', pk: { at: new Date('2026-05-05'), id: '1' } }), byTable);
});

test('a table that was dropped is found by its recorded name, its keys as they were', async () => {
  await pool.query(
    'create table gone (id bigint primary key, name text); create table gone_text (code text primary key)',
  );
  await installTriggers(pool, { tables: ['gone', 'gone_text'] });
  await write(pool, `insert into gone values (9007199254740993, 'x')`, `insert into gone_text values ('42')`);
  await pool.query('drop table gone, gone_text');
  for (const pk of ['9007199254740993', 9007199254740993n, { id: '9007199254740993' }])
    assert.equal((await history(pool, { table: 'gone', pk })).length, 1);
  for (const pk of [42, '42']) assert.equal((await history(pool, { table: 'public.gone_text', pk })).length, 1);
  assert.equal(await code(history(pool, { table: 'gone', pk: { nr: 1 } })), 'TL_KEY_MISMATCH');
});

test('where a column of the key was renamed, the former one finds what came before', async () => {
  await pool.query('create table rekeyed (id int primary key, name text)');
  await installTriggers(pool, { tables: ['rekeyed'] });
  await pool.query(`insert into rekeyed values (1, 'a'); update rekeyed set name = 'b'; alter table rekeyed rename id to code;
    update rekeyed set name = 'c'`);
  const ops = async (pk: RowKey) => (await history(pool, { table: 'rekeyed', pk })).map(({ op }) => op);
  assert.deepEqual(await ops({ id: 1 }), ['update', 'insert']);
  assert.deepEqual(await ops({ code: 1 }), ['update']);
  await assert.rejects(ops({ other: 1 }), { code: 'TL_KEY_MISMATCH' });
});

test('a table that was renamed is found by both names: by the new one with its past, by the old one with that alone', async () => {
  await pool.query('create table old_name (id int primary key)');
  await installTriggers(pool, { tables: ['old_name'] });
  await write(pool, `insert into old_name values (1)`);
  await pool.query('alter table old_name rename to new_name');
  await write(pool, `delete from new_name`);
  assert.deepEqual(short(await history(pool, { table: 'old_name', pk: '1' })), ['insert [1]']);
  assert.deepEqual(short(await history(pool, { table: 'new_name', pk: '1' })), ['delete', 'insert [1]']);
});

test('a name without a schema is the one on the search path, and else the one in public', async () => {
  await pool.query(
    'create schema app; create table app.things (id int primary key); create table things (id int primary key)',
  );
  await installTriggers(pool, { tables: ['app.things', 'public.things'] });
  await write(pool, `insert into app.things values (1)`, `insert into public.things values (1)`, `delete from things`);
  const client = await pool.connect();
  try {
    await client.query('set search_path = app, public');
    assert.equal((await history(client, { table: 'things', pk: 1 })).length, 1);
    // A temporary table is none that is recorded, and stands in front of nothing.
    await client.query('create temporary table things (id int primary key)');
    assert.equal((await history(client, { table: 'things', pk: 1 })).length, 1);
    await client.query('set search_path = sales');
    assert.equal((await history(client, { table: 'things', pk: '1' })).length, 2);
  } finally {
    client.release(true);
  }
  assert.equal((await history(pool, { table: 'things', pk: 1 })).length, 2);
});

test('a key that is no key of the table is refused, and the refusal names the key', async () => {
  assert.equal(await code(history(pool, { table: 'members', pk: 1 })), 'TL_KEY_MISMATCH');
  assert.equal(await code(history(pool, { table: 'members', pk: { id: 1 } })), 'TL_KEY_MISMATCH');
  assert.equal(await code(history(pool, { table: 'people', pk: { id: 1, name: 'x' } })), 'TL_KEY_MISMATCH');
  assert.equal(await code(history(pool, { table: 'people', pk: {} })), 'TL_KEY_MISMATCH');
  assert.equal(await code(history(pool, { table: 'keyless', pk: 1 })), 'TL_KEY_MISMATCH');
  await assert.rejects(history(pool, { table: 'members', pk: 1 }), /key of "public"\."members" is id, tenant/);
  assert.equal(await code(history(pool, { table: 'people', pk: 'Ann' })), 'TL_KEY_INVALID');
  assert.equal(await code(history(pool, { table: 'sales.orders', pk: '7' })), 'TL_KEY_INVALID');
});

test('a key of a floating-point type is found by every text that PostgreSQL reads as it', async () => {
  await pool.query('create table measured (id float4 primary key, n int)');
  await installTriggers(pool, { tables: ['measured'] });
  await pool.query('insert into measured values (0.1, 1)');
  for (const pk of [0.1, '0.1', Math.fround(0.1), '1e-1'])
    assert.equal((await history(pool, { table: 'measured', pk })).length, 1, String(pk));
});

test('a key of any type is found, as text and as it was recorded, whatever the session of the reader', async () => {
  for (const [type, key] of [
    ['timestamptz', '2026-03-04 12:00:00.123456+00'],
    ['timestamptz', 'infinity'],
    ['timestamp', '2026-03-04 12:00:00'],
    ['date', '2026-03-04'],
    ['interval', '1 year 2 days 03:00:00'],
    ['tstzrange', '[2026-03-04 12:00:00+00,)'],
    ['daterange', '[2026-03-04,2026-03-06)'],
    ['timestamptz[]', '{2026-03-04 12:00:00+00}'],
    ['bytea', '\\x00ff'],
    ['bytea[]', '{"\\\\x00ff"}'],
    ['float8', '0.1234567890123456'],
    ['float8[]', '{0.1234567890123456}'],
    ['money', '12.30'],
    ['inet', '10.0.0.1/8'],
    ['jsonb', '{"a": ["x", 1.50]}'],
    ['jsonb', '"text"'],
    ['jsonb', '12'],
  ] as const) {
    await pool.query(`create table keyed (id ${type} primary key, n int)`);
    await installTriggers(pool, { tables: ['keyed'] });
    await pool.query(`insert into keyed values ($1, 1)`, [key]);
    const client = await pool.connect();
    try {
      await client.query(`set timezone = 'Asia/Tokyo'; set datestyle = 'SQL, YMD'; set intervalstyle = 'iso_8601';
        set bytea_output = 'escape'; set extra_float_digits = -10`);
      const { rows } = await client.query(
        `select table_pk from threadline.audit_changes where table_name = 'keyed' order by id desc limit 1`,
      );
      const found = async (pk: RowKey) => (await history(client, { table: 'keyed', pk })).length;
      if (type !== 'jsonb') assert.equal(await found(key), 1, `${type} ${key} as text`);
      assert.equal(await found(rows[0].table_pk), 1, `${type} ${key} as recorded`);
    } finally {
      client.release(true);
    }
    await uninstallTriggers(pool, { tables: ['keyed'] });
    await pool.query('drop table keyed');
  }
});

test('an unknown table, an unknown option and a missing key are refused', async () => {
  assert.equal(await code(history(pool, { table: 'peple', pk: 1 })), 'TL_TABLE_NOT_FOUND');
  assert.equal(await code(history(pool, { table: 'a.b.c', pk: 1 })), 'TL_IDENTIFIER_INVALID');
  for (const wrong of [
    { table: 'people' },
    { table: 'people', pk: null },
    { table: 'people', pk: { id: null } },
    { pk: 1 },
    { table: { name: 'peo\0ple' }, pk: 1 },
  ])
    assert.equal(await code(history(pool, wrong as never)), 'TL_FILTER_INVALID', JSON.stringify(wrong));
  const unknown = { table: 'people', pk: 1, key: 2 } as never;
  await assert.rejects(
    history(pool, unknown),
    /unknown option key; the known ones are table, pk, limit, cursor, schema/,
  );
  assert.equal(await code(history(pool, { table: 'people', pk: 1, schema: 'elsewhere' })), 'TL_NOT_INSTALLED');
});

test('one statement finds the table and the history of a row, but of one that moved', async () => {
  await write(
    pool,
    `insert into people values (700, 'x'), (701, 'y')`,
    `update people set name = 'z' where id = 700`,
    `update people set id = 702 where id = 701`,
    `insert into sales.orders values ('7ba7b810-9dad-11d1-80b4-00c04fd430c8', 1)`,
    `insert into "Odd ""Table"".x" values ('one statement', '')`,
  );
  const statements = async (table: string, pk: string | number) => {
    let count = 0;
    const counting = {
      query: (text: string, values?: never[]) => {
        count += 1;
        return pool.query(text, values);
      },
    };
    const counted = short(await history(counting, { table, pk }));
    assert.deepEqual(counted, short(await history(pool, { table, pk: { [KEYS[table] ?? '']: pk } })));
    assert.notEqual(counted.length, 0);
    return count;
  };
  const KEYS: Readonly<Record<string, string>> = { people: 'id', 'sales.orders': 'id', '"Odd ""Table"".x"': 'The Key' };
  assert.equal(await statements('people', 700), 1);
  assert.equal(await statements('people', '700.0'), 1);
  assert.equal(await statements('sales.orders', '{7BA7B810-9DAD-11D1-80B4-00C04FD430C8}'), 1);
  assert.equal(await statements('"Odd ""Table"".x"', 'one statement'), 1);
  assert.ok((await statements('people', 702)) > 1);
});
