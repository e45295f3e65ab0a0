import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { installTriggers, uninstallTriggers, verify } from '../../src/sql/index.ts';
import type { TestDatabase } from '../support/database.ts';
import { assertReplays } from '../support/replay.ts';
import { audit, auditedDatabase, changesOf, withoutEventTriggers } from './audited.ts';

let database: TestDatabase;
before(async () => {
  database = await auditedDatabase();
});

const query = (text: string) => database.admin.query(text);
const opsOf = async (table: string) =>
  (await changesOf(database.admin, table)).map(({ op, partition_name }) => [op, partition_name]);

test('TRUNCATE of a leaf that is added or attached later is recorded, at any level, with no call in between', async () => {
  await audit(database.admin, 'grown', 'create table grown (id int primary key) partition by range (id)');
  await query(`create table grown_1 partition of grown for values from (0) to (10);
    create table grown_2 (id int primary key); alter table grown attach partition grown_2 for values from (10) to (20);
    create table grown_3 partition of grown for values from (20) to (40) partition by range (id);
    create table grown_3a partition of grown_3 for values from (20) to (30)`);
  for (const [leaf, id] of [
    ['grown_1', 1],
    ['grown_2', 11],
    ['grown_3a', 21],
  ])
    await query(`insert into ${leaf} values (${id}); truncate ${leaf}`);
  assert.deepEqual(await opsOf('grown'), [
    ['insert', 'public.grown_1'],
    ['truncate', 'public.grown_1'],
    ['insert', 'public.grown_2'],
    ['truncate', 'public.grown_2'],
    ['insert', 'public.grown_3a'],
    ['truncate', 'public.grown_3a'],
  ]);
  await assertReplays(database.admin, 'grown');
});

test('a partition that was detached is no longer audited in any way, and can be audited by itself', async () => {
  await audit(
    database.admin,
    'shrunk',
    `create table shrunk (id int primary key) partition by range (id); create table shrunk_1 partition of shrunk for values from (0) to (10)`,
  );
  await query('alter table shrunk detach partition shrunk_1; insert into shrunk_1 values (1); truncate shrunk_1');
  assert.deepEqual([...(await opsOf('shrunk')), ...(await opsOf('shrunk_1'))], []);
  await installTriggers(database.admin, { tables: ['shrunk_1'] });
  await query('insert into shrunk_1 values (2); truncate shrunk_1');
  assert.deepEqual(await opsOf('shrunk_1'), [
    ['insert', null],
    ['truncate', null],
  ]);
});

test('where nothing followed the detaching of a partition, the next installTriggers ends its audit, whatever the table', async () => {
  await audit(
    database.admin,
    'shed',
    `create table shed (id int primary key) partition by range (id); create table shed_1 partition of shed for values from (0) to (10)`,
  );
  await audit(database.admin, 'beside_shed', 'create table beside_shed (id int primary key)');
  await withoutEventTriggers(database.admin, () => query('alter table shed detach partition shed_1'));
  await installTriggers(database.admin, { tables: ['beside_shed'] });
  await query('truncate shed_1');
  assert.deepEqual([...(await opsOf('shed')), ...(await opsOf('shed_1'))], []);
});

test('uninstallTriggers refuses a partition that its partitioned table audits, and says what to do', async () => {
  await audit(database.admin, 'kept', 'create table kept (id int primary key) partition by range (id)');
  await query('create table kept_1 partition of kept for values from (0) to (10)');
  await assert.rejects(uninstallTriggers(database.admin, { tables: ['kept_1'] }), {
    code: 'TL_TABLE_PARTITION',
    message: /Detach it.*public\.kept:/,
  });
  await query('truncate kept_1');
  assert.deepEqual(await opsOf('kept'), [['truncate', 'public.kept_1']]);
});

test('a table that is audited by itself is refused as a partition, and taken once its own audit has ended', async () => {
  await audit(database.admin, 'whole', 'create table whole (id int primary key) partition by range (id)');
  await audit(database.admin, 'part', 'create table part (id int primary key)');
  const attach = 'alter table whole attach partition part for values from (0) to (10)';
  await assert.rejects(query(attach), /00_threadline/);
  await uninstallTriggers(database.admin, { tables: ['part'] });
  await query(`${attach}; insert into part values (1); truncate part`);
  assert.deepEqual(await opsOf('whole'), [
    ['insert', 'public.part'],
    ['truncate', 'public.part'],
  ]);
});

test('an ordinary table that gets a child stays audited: its own rows by row, those of the child left to the child', async () => {
  await audit(database.admin, 'parent', 'create table parent (id int primary key)');
  await query(
    `create table child () inherits (parent); insert into child values (1); insert into parent values (2); delete from parent`,
  );
  assert.deepEqual(
    (await changesOf(database.admin, 'parent')).map(({ op, table_pk }) => [op, table_pk]),
    [
      ['insert', { id: 2 }],
      ['delete', { id: 2 }],
    ],
  );
});

test('a partition on another server is no hindrance, though PostgreSQL before 16 has no trigger for its TRUNCATE', async () => {
  await query(`create extension if not exists postgres_fdw; create server away foreign data wrapper postgres_fdw;
    create table spread (id int, n int) partition by range (id); create table spread_1 partition of spread for values from (0) to (10);
    create foreign table spread_2 partition of spread for values from (10) to (20) server away`);
  await installTriggers(database.admin, { tables: ['spread'] });
  await query('insert into spread values (1, 1)');
  assert.equal((await changesOf(database.admin, 'spread')).length, 1);
  assert.deepEqual((await verify(database.admin, { tables: ['spread'] })).findings, []);
});
