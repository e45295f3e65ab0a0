import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { history } from '../../src/query/index.ts';
import { installTriggers } from '../../src/sql/index.ts';
import type { TestDatabase } from '../support/database.ts';
import { assertFound, assertReplays } from '../support/replay.ts';
import { audit, auditedDatabase, withoutEventTriggers } from './audited.ts';

let database: TestDatabase;
before(async () => {
  database = await auditedDatabase();
  await database.admin.query(
    'create domain small as int; create domain label as text; create type pair as (a int, b int)',
  );
});

const query = (text: string) => database.admin.query(text);

/** Types of keys, each with two values in the order in which they are used. */
const KEYS: readonly (readonly [type: string, first: string, second: string])[] = [
  ['smallint', '1', '-2'],
  ['int', '0', '2147483647'],
  ['bigint', '9999999999999', '10000000000000'],
  ['bigint', '-9223372036854775808', '9223372036854775807'],
  ['small', '7', '8'],
  ['numeric', '1.00', '1.5'],
  ['numeric', '12345678901234567890', '9999999999999.0'],
  ['float8', '3', '0.5'],
  ['text', `'5'`, `'"x": 5}'`],
  ['label', `'{"id": 5}'`, `'7'`],
  ['uuid', `'00000000-0000-0000-0000-000000000005'`, `'00000000-0000-0000-0000-000000000006'`],
  ['jsonb', `'5'`, `'{"a": 5}'`],
  ['pair', `'(1,2)'`, `'(3,4)'`],
  ['boolean', 'true', 'false'],
  ['date', `'2026-01-01'`, `'2026-01-02'`],
];

for (const [position, [type, first, second]] of KEYS.entries())
  for (const kind of ['plain', 'partitioned'] as const)
    test(`a key of type ${type} (${first}, ${second}) has one hash, however its row was captured, in a ${kind} table`, async () => {
      const table = `${kind}_${position}`;
      const partitions = kind === 'plain' ? '' : ' partition by hash (id)';
      await query(`create table ${table} (id ${type} primary key, n int)${partitions}`);
      if (kind === 'partitioned')
        await query(`create table ${table}_0 partition of ${table} for values with (modulus 1, remainder 0)`);
      await query(`insert into ${table} values (${first}, 0), (${second}, 0)`);
      await installTriggers(database.admin, { tables: [table], baseline: true });
      await query(`update ${table} set n = 1`);
      await query(`delete from ${table}; insert into ${table} values (${first}, 0), (${second}, 0)`);
      await assertReplays(database.admin, table);
      await query(`truncate ${table}; insert into ${table} values (${first}, 0); update ${table} set id = ${second}`);
      await assertReplays(database.admin, table);
    });

test('a key column with a name that JSON escapes is found as any other', async () => {
  await audit(database.admin, 'named', String.raw`create table named ("a""b\c\"": 5}" int primary key, n int)`);
  await query('insert into named values (5, 0); update named set n = 1');
  await assertReplays(database.admin, 'named');
  assert.equal((await history(database.admin, { table: 'named', pk: 5 })).length, 2);
});

test('a key of two numbers is none', async () => {
  await audit(database.admin, 'two', 'create table two (a int, b int, n int, primary key (a, b))');
  await query('insert into two values (1, 2, 0), (3, 2, 0); update two set n = 1');
  await assertReplays(database.admin, 'two');
});

test('a key column that was retyped or renamed, unnoticed by the event trigger, has the hash that is looked for', async () => {
  await audit(database.admin, 'moved', 'create table moved (id int primary key, n int)');
  await query('insert into moved values (1, 0)');
  for (const [change, values] of [
    ['alter table moved alter id type numeric(10, 2)', '(1.50, 0), (2, 0)'],
    ['alter table moved alter id type text', `('x', 0), ('3', 0)`],
    ['alter table moved rename id to key', `('y', 0), ('4', 0)`],
  ]) {
    await withoutEventTriggers(database.admin, () => query(change ?? ''));
    await query(`insert into moved values ${values}; update moved set n = n + 1; delete from moved where n = 2`);
    await assertFound(database.admin, 'moved', change);
  }
  assert.equal((await history(database.admin, { table: 'moved', pk: 'y' })).length, 2);
});

test('numbers that follow one another do so in the index, and equal keys have one hash', async () => {
  const { rows } = await query(`
    select threadline.row_hash('s', 't', '{"id": 8}') - threadline.row_hash('s', 't', '{"id": 7}') as step,
      threadline.row_hash('s', 't', '{"id": 7.00}') - threadline.row_hash('s', 't', '{"id": 7}') as same,
      threadline.row_hash('s', 't', '{"id": "7"}') - threadline.row_hash('s', 't', '{"id": 7}') as text,
      threadline.row_hash('s', 'u', '{"id": 7}') - threadline.row_hash('s', 't', '{"id": 7}') as elsewhere,
      threadline.row_hash('s', 't', null) - threadline.row_hash('s', 't', '{"id": 0}') as keyless`);
  const [{ step, same, text, elsewhere, keyless }] = rows;
  assert.deepEqual([step, same], ['1', '0']);
  assert.notEqual(text, '0');
  assert.notEqual(keyless, '0');
  assert.notEqual(elsewhere, '0');
});

test('a reader finds a row whatever standard_conforming_strings is', async () => {
  await audit(database.admin, 'read', 'create table read (id int primary key, n int)');
  await query('insert into read values (6, 0)');
  const client = await database.admin.connect();
  await client.query('set standard_conforming_strings = off');
  assert.equal((await history(client, { table: 'read', pk: 6 })).length, 1);
  client.release(true);
});
