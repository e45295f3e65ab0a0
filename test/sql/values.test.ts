import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { installTriggers } from '../../src/sql/index.ts';
import type { TestDatabase } from '../support/database.ts';
import { assertReplays } from '../support/replay.ts';
import { audit, auditedDatabase, changesOf, inTransaction } from './audited.ts';

let database: TestDatabase;
before(async () => {
  database = await auditedDatabase();
  await database.admin.query(`
    create type mood as enum ('sad', 'happy');
    create domain price as numeric(10, 2) check (value >= 0);
    create domain moment as timestamptz;
    create type pair as (at timestamptz, data bytea);
    create type span as range (subtype = float8)`);
});

// Each with two values that differ for a reader, though some are equal for their type.
const TYPES: readonly (readonly [type: string, first: string, second: string])[] = [
  ['bigint', '9223372036854775807', '-9223372036854775808'],
  ['numeric', '1.0', '1.00'],
  ['numeric', `'NaN'`, '12345678901234567890123.4567890123456789'],
  ['float8', '0', `'-0'`],
  ['float8', '0.1 + 0.2', `'Infinity'`],
  ['float4', `'NaN'`, '3.4e38'],
  ['money', '12.30', '-1'],
  ['timestamptz', `'2026-03-29 01:59:59.123456+00'`, `'infinity'`],
  ['timestamp', `'2026-03-29 01:59:59.123456'`, `'0044-03-15 12:00:00 BC'`],
  ['date', `'2026-01-02'`, `'-infinity'`],
  ['timetz', `'12:00:00+02'`, `'11:00:00+01'`],
  ['interval', `'1 mon'`, `'30 days'`],
  ['bytea', String.raw`'\x00ff'`, String.raw`'\x'`],
  ['text', `''`, 'null'],
  ['char(5)', `'a'`, `'b'`],
  ['bit(3)', `B'101'`, `B'010'`],
  ['uuid', `'0f8fad5b-d9cb-469f-a165-70867728950e'`, 'null'],
  ['inet', `'10.0.0.1/8'`, `'::1'`],
  ['jsonb', `'{"a": 1.0}'`, `'{"a": 1.00}'`],
  ['json', `'{"a": 1}'`, `'{"a": 2}'`],
  ['xml', `'<a/>'`, `'<b/>'`],
  ['point', `'(1,0.1)'`, `'(1,0.2)'`],
  ['int[]', `'{1,null,3}'`, `'{}'`],
  ['numeric[]', `'{1.0}'`, `'{1.00}'`],
  ['text[]', `'{a,null}'`, `'{a,NULL,A}'`],
  ['text[]', `'{{a,b}}'`, `'{{a},{b}}'`],
  ['timestamptz[]', `'{2026-01-01 00:00:00+00}'`, `'{{infinity},{-infinity}}'`],
  ['tstzrange', `'[2026-01-01 00:00:00+00,)'`, `'empty'`],
  ['daterange', `'[2026-01-01,2026-02-01)'`, 'null'],
  ['int4multirange', `'{[1,2),[4,5)}'`, `'{}'`],
  ['mood', `'sad'`, `'happy'`],
  ['price', '1.50', '1.5 * 2'],
  ['moment', `'2026-01-01 00:00:00+00'`, 'null'],
  ['pair', `row('2026-01-01 00:00:00+00', '\\x01')`, `row(null, '')`],
  ['pair[]', `array[row('2026-01-01 00:00:00+00', '\\x01')::pair]`, `'{}'`],
  ['span', `'[0.1,0.2)'`, `'(0,1)'`],
  ['regclass', `'pg_class'`, `'threadline.audit_changes'`],
  ['tsvector', `'a:1 b:2'`, `''`],
];

const SESSIONS = [
  `set local timezone = 'Asia/Kathmandu'; set local datestyle = 'German'; set local intervalstyle = 'sql_standard';
   set local bytea_output = 'escape'; set local extra_float_digits = -10; set local client_encoding = 'LATIN1'; set local row_security = off`,
  `set local timezone = 'UTC'; set local datestyle = 'ISO, YMD'; set local search_path = pg_catalog`,
] as const;

for (const [index, [type, first, second]] of TYPES.entries()) {
  test(`values of type ${type} are recorded losslessly, whatever the session: ${first} and ${second}`, async () => {
    const table = `of_type_${index}`;
    await audit(database.admin, table, `create table ${table} (id int primary key, v ${type})`);
    for (const [id, settings] of SESSIONS.entries())
      await inTransaction(database.admin, async (client) => {
        const value = (literal: string) =>
          `(${literal})::${type.replace(/^(mood|price|moment|pair|span)/, 'public.$1')}`;
        // The values are made before the settings change how they are read.
        await client.query(
          `create temp table given on commit drop as select ${value(first.replace('::pair', '::public.pair'))} as a, ${value(second)} as b`,
        );
        await client.query(settings);
        await client.query(`insert into public.${table} select ${id}, a from pg_temp.given`);
        await client.query(`update public.${table} set v = b from pg_temp.given where id = ${id}`);
      });
    await assertReplays(database.admin, table);
    const changes = await changesOf(database.admin, table);
    const [inserted, updated, insertedToo, updatedToo] = changes.map((c) =>
      JSON.stringify([c.changed_from, c.data_after]).replaceAll(/"id":\d/g, ''),
    );
    assert.deepEqual([changes.length, inserted, updated], [4, insertedToo, updatedToo]);
    assert.deepEqual(changes[1]?.changed_fields, ['v']);
  });
}

test('a text is recorded as changed where its collation takes both for the same, also in an array', async () => {
  await database.admin.query(
    `create collation public.either_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`,
  );
  await audit(
    database.admin,
    'of_either_case',
    'create table of_either_case (id int primary key, v text collate either_case, a text[] collate either_case)',
  );
  await database.admin.query(`insert into of_either_case values (1, 'a', '{a}')`);
  await database.admin.query(`update of_either_case set v = 'A', a = '{A}'`);
  const [, updated] = await changesOf(database.admin, 'of_either_case');
  assert.deepEqual(
    [updated?.changed_from, updated?.data_after],
    [
      { v: 'a', a: ['a'] },
      { id: 1, v: 'A', a: ['A'] },
    ],
  );
});

test('a key of type timestamptz is recorded in UTC, whatever the session', async () => {
  await audit(database.admin, 'by_time', 'create table by_time (at timestamptz primary key)');
  await inTransaction(database.admin, async (client) => {
    await client.query(`set local timezone = 'America/New_York'`);
    await client.query(`insert into by_time values ('2026-01-02 03:04:05.123456+00')`);
  });
  assert.deepEqual((await changesOf(database.admin, 'by_time'))[0]?.table_pk, {
    at: '2026-01-02T03:04:05.123456+00:00',
  });
});

for (const [what, document] of [
  ['a U+0000', String.raw`{"a": "\u0000"}`],
  ['half of a surrogate pair', String.raw`{"a": "\ud800"}`],
  ['a number out of range', '{"a": 1e200000}'],
] as const) {
  test(`a json document with ${what}, which jsonb refuses, is recorded as its text`, async () => {
    const table = `documents_${what.length}`;
    await audit(
      database.admin,
      table,
      `create table ${table} (id int primary key, doc json, more json, list json[], n int)`,
    );
    await database.admin.query(`insert into ${table} values (1, $1, '{"fine": true}', array[$1::json], 1)`, [document]);
    await database.admin.query(`update ${table} set n = 2`);
    await database.admin.query(`update ${table} set doc = '{}', list = null`);
    await database.admin.query(`delete from ${table}`);
    const [inserted, counted, cleared, deleted] = await changesOf(database.admin, table);
    const row = { id: 1, doc: document, more: { fine: true }, n: 1 };
    assert.deepEqual({ ...(inserted?.data_after as object), list: 0 }, { ...row, list: 0 });
    assert.deepEqual(counted?.changed_from, { n: 1 });
    assert.deepEqual(counted?.table_pk, { id: 1 });
    const before = (cleared?.changed_from ?? {}) as Record<string, unknown>;
    assert.deepEqual(Object.keys(before).sort(), ['doc', 'list']);
    assert.equal(before['doc'], document);
    assert.deepEqual(deleted?.changed_from, { id: 1, doc: {}, more: { fine: true }, list: null, n: 2 });
  });
}

test('a generated column is recorded with its value, an identity as well', async () => {
  await audit(
    database.admin,
    'generated',
    'create table generated (id int generated always as identity primary key, a int, doubled int generated always as (a * 2) stored)',
  );
  await database.admin.query('insert into generated (a) values (2); update generated set a = 3');
  const [, change] = await changesOf(database.admin, 'generated');
  assert.deepEqual(change?.data_after, { id: 1, a: 3, doubled: 6 });
  assert.deepEqual(change?.changed_from, { a: 2, doubled: 4 });
});

test('a virtual generated column, whose value no trigger is told, is left out', async (t) => {
  const { rows } = await database.admin.query(
    `select current_setting('server_version_num')::int >= 180000 as has_them`,
  );
  if (!rows[0].has_them) return t.skip('PostgreSQL has them from 18 on');
  await audit(
    database.admin,
    'computed',
    'create table computed (id int primary key, a int, doubled int generated always as (a * 2) virtual, doc json)',
  );
  await database.admin.query(
    `insert into computed values (1, 1); update computed set a = 2, doc = '{"a": "\\u0000"}'; delete from computed`,
  );
  const changes = await changesOf(database.admin, 'computed');
  assert.deepEqual(
    changes.map(({ data_after, changed_from }) => [data_after, changed_from]),
    [
      [{ id: 1, a: 1, doc: null }, null],
      [
        { id: 1, a: 2, doc: '{"a": "\\u0000"}' },
        { a: 1, doc: null },
      ],
      [null, { id: 1, a: 2, doc: '{"a": "\\u0000"}' }],
    ],
  );
});

test('a table of 1,600 columns is captured', async () => {
  const columns = Array.from({ length: 1599 }, (_, index) => `c${index} bool`);
  await audit(database.admin, 'wide', `create table wide (id int primary key, ${columns.join(', ')})`);
  await database.admin.query('insert into wide values (1); update wide set c7 = true, c1598 = false');
  const [, change] = await changesOf(database.admin, 'wide');
  assert.deepEqual(change?.changed_fields, ['c7', 'c1598']);
  assert.equal(Object.keys(change?.data_after as object).length, 1600);
});

test('hstore is recorded, whose JSON its own extension makes', async () => {
  await database.admin.query('create extension hstore');
  await audit(database.admin, 'stored', 'create table stored (id int primary key, attributes hstore)');
  await database.admin.query(
    `insert into stored values (1, 'a=>1, b=>NULL'); update stored set attributes = attributes || 'c=>"x, \\"y\\""'`,
  );
  const [inserted, updated] = await changesOf(database.admin, 'stored');
  assert.deepEqual(inserted?.data_after, { id: 1, attributes: { a: '1', b: null } });
  assert.deepEqual(updated?.data_after, { id: 1, attributes: { a: '1', b: null, c: 'x, "y"' } });
  await assertReplays(database.admin, 'stored');
});

test('a row of 50 MB is recorded whole', async () => {
  await audit(database.admin, 'heavy', 'create table heavy (id int primary key, body text, n int)');
  // Does not compress to nothing.
  await database.admin.query(`insert into heavy
    select 1, string_agg(md5(g::text), ''), 0 from generate_series(1, 50 * 1024 * 32) g; update heavy set n = 1; delete from heavy`);
  const { rows } = await database.admin.query(
    `select op, octet_length(coalesce(c.data_after, c.changed_from) ->> 'body') as bytes,
       md5(coalesce(c.data_after, c.changed_from) ->> 'body') = (select md5(string_agg(md5(g::text), '')) from generate_series(1, 50 * 1024 * 32) g) as "isSame"
     from threadline.audit_changes c where table_name = 'heavy' order by id`,
  );
  const bytes = 50 * 1024 * 1024;
  assert.deepEqual(rows, [
    { op: 'insert', bytes, isSame: true },
    { op: 'update', bytes, isSame: true },
    { op: 'delete', bytes, isSame: true },
  ]);
});

test('a value that is too large for the log is no hindrance where its column is left out', async () => {
  await database.admin.query('create table blobs (id int primary key, body bytea, n int)');
  await installTriggers(database.admin, { tables: [{ table: 'blobs', exclude: ['body'] }] });
  // jsonb takes strings of up to 256 MiB, and bytea as text is twice as long.
  await database.admin.query(`
    insert into blobs values (1, convert_to(repeat('x', 140 * 1024 * 1024), 'UTF8'), 1);
    update blobs set n = 2; delete from blobs`);
  assert.deepEqual(
    (await changesOf(database.admin, 'blobs')).map(({ op, changed_from, data_after }) => [
      op,
      changed_from,
      data_after,
    ]),
    [
      ['insert', null, { id: 1, n: 1 }],
      ['update', { n: 1 }, { id: 1, n: 2 }],
      ['delete', { id: 1, n: 2 }, null],
    ],
  );
});
