import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { isThreadlineError } from '../../src/index.ts';
import { install, installTriggers, triggersSql, uninstallTriggers, uninstallTriggersSql } from '../../src/sql/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { assertReplays } from '../support/replay.ts';
import { audit, auditedDatabase, changesOf, inTransaction } from './audited.ts';
import { catalogOf } from './catalog.ts';
import { definitionsOf, onConnection } from './installing.ts';

let database: TestDatabase;
before(async () => {
  database = await auditedDatabase();
  await database.admin.query('create table beside (id int)');
});

const query = (text: string) => database.admin.query(text);
const installOn = (...tables: string[]) => installTriggers(database.admin, { tables });

/** Asserts that the tables are refused with a code, with a message that mentions something, and that nothing was changed. */
async function assertRefused(tables: readonly string[], code: string, mentions: RegExp): Promise<void> {
  const catalog = await catalogOf(database.admin);
  await assert.rejects(installTriggers(database.admin, { tables }), (error) => {
    assert.ok(isThreadlineError(error), String(error));
    assert.equal(error.code, code);
    assert.match(error.message, mentions);
    return true;
  });
  assert.deepEqual(await catalogOf(database.admin), catalog);
}

test('a table that does not exist is refused by its name, and the tables beside it stay unaudited', async () => {
  await assertRefused(['beside', 'missing', 'public.beside'], 'TL_TABLE_NOT_FOUND', /missing/);
});

test('a name that exists only in other letters is answered with how to write it', async () => {
  await query('create table "Customers" (id int)');
  await assertRefused(['Customers'], 'TL_TABLE_NOT_FOUND', /Did you mean public\."Customers"\?.*double quotes/s);
});

test('a table in a schema off the search path is answered with its full name', async () => {
  await query('create schema sales; create table sales.leads (id int)');
  await assertRefused(['leads'], 'TL_TABLE_NOT_FOUND', /Did you mean sales\.leads\?/);
  await assertRefused(['public.leads'], 'TL_TABLE_NOT_FOUND', /Did you mean sales\.leads\?/);
});

const UNSUPPORTED: readonly (readonly [what: string, ddl: string, code: string, remedy: RegExp])[] = [
  ['a view', 'create view refused as select 1 as id', 'TL_TABLE_UNSUPPORTED', /view.*tables that it reads from/s],
  [
    'a materialized view',
    'create materialized view refused as select 1 as id',
    'TL_TABLE_UNSUPPORTED',
    /materialized view/,
  ],
  [
    'a foreign table',
    `create foreign data wrapper none; create server nowhere foreign data wrapper none; create foreign table refused (id int) server nowhere`,
    'TL_TABLE_UNSUPPORTED',
    /foreign table.*server that holds it/s,
  ],
  ['a sequence', 'create sequence refused', 'TL_TABLE_UNSUPPORTED', /not a table/],
  [
    'a partition',
    'create table whole (id int) partition by list (id); create table refused partition of whole default',
    'TL_TABLE_PARTITION',
    /partitioned table public\.whole/,
  ],
];

for (const [what, ddl, code, remedy] of UNSUPPORTED) {
  test(`${what} is refused by its name, with what to do instead, and the table beside it stays unaudited`, async () => {
    await query(ddl);
    await assertRefused(['beside', 'refused'], code, remedy);
    await assertRefused(['beside', 'refused'], code, /\brefused\b/);
    await query(what === 'a partition' ? 'drop table whole' : `drop ${what.replace(/^a /, '')} refused`);
  });
}

test("a temporary table, a table of the catalog and one of Threadline's own are refused", async () => {
  for (const table of ['pg_catalog.pg_class', 'information_schema.sql_features'])
    await assertRefused(['beside', table], 'TL_TABLE_UNSUPPORTED', /system catalog/);
  for (const table of ['audit_changes', 'audit_transactions', 'audit_actions', 'migrations'])
    await assertRefused(['beside', `threadline.${table}`], 'TL_TABLE_OWN', new RegExp(`${table}.*own tables`));
  await onConnection(database.admin, async (client) => {
    await client.query('create temp table passing (id int)');
    await assert.rejects(installTriggers(client, { tables: ['beside', 'passing'] }), {
      code: 'TL_TABLE_UNSUPPORTED',
      message: /passing.*temporary table/,
    });
  });
});

test('an option that nobody knows is refused by its name before anything is sent', () => {
  const options = { tables: ['beside'], exlude: ['id'] };
  for (const refuse of [triggersSql, uninstallTriggersSql])
    assert.throws(() => refuse(options), { code: 'TL_INSTALL_OPTIONS_INVALID', message: /exlude/ });
});

test('what is no table name, and an empty list, are refused before anything is sent', () => {
  assert.throws(() => triggersSql({ tables: ['users; drop table users'] }), { code: 'TL_IDENTIFIER_INVALID' });
  assert.throws(() => triggersSql({ tables: [] }), { code: 'TL_INSTALL_OPTIONS_INVALID' });
  assert.throws(() => triggersSql({ tables: 'users' } as never), { code: 'TL_INSTALL_OPTIONS_INVALID' });
});

test('a database without Threadline is answered with what to call first', async () => {
  const { admin } = await createTestDatabase();
  await admin.query('create table users (id int)');
  await assert.rejects(installTriggers(admin, { tables: ['users'] }), { code: 'TL_NOT_INSTALLED' });
  for (const call of [installTriggers, uninstallTriggers])
    await assert.rejects(call(database.admin, { tables: ['users'], schema: 'elsewhere' }), {
      code: 'TL_NOT_INSTALLED',
      message: /elsewhere.*install/,
    });
});

test('auditing a table again changes nothing', async () => {
  await query('create table again (id int primary key, name text)');
  await installOn('again', 'again');
  const catalog = await catalogOf(database.admin);
  await installOn('again');
  assert.deepEqual(await catalogOf(database.admin), catalog);
});

test('auditing a table again after a change of its columns catches up, and mends a trigger that was disabled or dropped', async () => {
  await audit(database.admin, 'mended', 'create table mended (id int primary key, name text)');
  await query(
    `alter table mended add age int, drop name; alter table mended disable trigger user; drop trigger "00_threadline_delete" on mended`,
  );
  await installOn('mended');
  const { rows } = await query(`select prosrc as body from pg_proc where proname = 'capture_public_mended'`);
  assert.match(rows[0].body, /NEW\.age\b/);
  assert.doesNotMatch(rows[0].body, /NEW\.name\b/);
  await query(`insert into mended values (1, 5); update mended set age = null; delete from mended`);
  const changes = await changesOf(database.admin, 'mended');
  assert.deepEqual(
    changes.map(({ op, changed_fields }) => [op, changed_fields]),
    [
      ['insert', null],
      ['update', ['age']],
      ['delete', null],
    ],
  );
});

const KEYS: readonly (readonly [what: string, ddl: string, insert: string, keys: readonly unknown[]])[] = [
  ['serial', 'id serial primary key, n int', '(n) values (0)', [{ id: 1 }]],
  ['bigint identity', 'id bigint generated always as identity primary key, n int', '(n) values (0)', [{ id: 1 }]],
  [
    'composite',
    'a int, n int, b text, primary key (b, a)',
    `values (1, 0, 'x'), (2, 0, 'x')`,
    [
      { a: 1, b: 'x' },
      { a: 2, b: 'x' },
    ],
  ],
  ['text', 'id text primary key, n int', `values ('', 0), ('é''"\\', 0)`, [{ id: '' }, { id: `é'"\\` }]],
  [
    'uuid',
    'id uuid primary key, n int',
    `values ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 0)`,
    [{ id: 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11' }],
  ],
  [
    'timestamptz',
    'id timestamptz primary key, n int',
    `values ('2026-01-02 03:04:05.123456+02', 0)`,
    [{ id: '2026-01-02T01:04:05.123456+00:00' }],
  ],
  ['numeric', 'id numeric primary key, n int', `values (1.5, 0), ('NaN', 0)`, [{ id: 1.5 }, { id: 'NaN' }]],
  ['enum', 'id mood primary key, n int', `values ('so so', 0)`, [{ id: 'so so' }]],
  ['domain', 'id positive primary key, n int', 'values (1, 0)', [{ id: 1 }]],
  ['array', 'id int[] primary key, n int', 'values (array[1, 2], 0)', [{ id: [1, 2] }]],
  ['no', 'id int, n int', 'values (1, 0), (1, 0)', [null, null]],
];

test('a table with a key of any type, of several columns, or with none, is audited', async (t) => {
  await query(`create type mood as enum ('so so'); create domain positive as int check (value > 0)`);
  for (const [index, [what, columns, insert, keys]] of KEYS.entries()) {
    await t.test(`${what} key`, async () => {
      const table = `keyed_${index}`;
      await audit(database.admin, table, `create table ${table} (${columns})`);
      await query(`insert into ${table} ${insert}; update ${table} set n = 1; delete from ${table}`);
      const changes = await changesOf(database.admin, table);
      for (const op of ['insert', 'update', 'delete'])
        assert.deepEqual(
          changes.filter((change) => change.op === op).map((change) => [change.table_pk, change.table_pk_before]),
          keys.map((key) => [key, null]),
        );
      assert.equal(changes.length, 3 * keys.length);
      await assertReplays(database.admin, table);
    });
  }
});

const NAMES = [
  'Mixed Case',
  'dotted.name',
  'quo"te',
  "apo'strophe",
  'back\\slash',
  'per%I cent%',
  '$body$',
  'emoji 😀',
  'ü'.repeat(31),
  'x'.repeat(63),
  `${'x'.repeat(62)}y`,
  'select',
  'TG_OP',
  'key',
];

for (const [index, name] of NAMES.entries()) {
  test(`a table, a schema and a column named ${name} are audited like any other`, async () => {
    const quoted = `"${name.replaceAll('"', '""')}"`;
    await query(
      `create schema if not exists ${quoted}; create table ${quoted}.${quoted} (${quoted} ${['int', 'numeric'][index % 2]} primary key, "new" text, before int)`,
    );
    await installOn(`${quoted}.${quoted}`);
    await query(
      `insert into ${quoted}.${quoted} values (1, 'a', 1); update ${quoted}.${quoted} set ${quoted} = 2, "new" = null; delete from ${quoted}.${quoted}`,
    );
    const changes = await changesOf(database.admin, name);
    assert.deepEqual(
      changes.map((c) => [c.table_schema, c.op, c.table_pk, c.changed_fields]),
      [
        [name, 'insert', { [name]: 1 }, null],
        [name, 'update', { [name]: 2 }, [name, 'new']],
        [name, 'delete', { [name]: 2 }, null],
      ],
    );
    await assertReplays(database.admin, `${quoted}.${quoted}`);
  });
}

test('a name without a schema means the table that the search path finds', async () => {
  await query('create schema first; create table first.twice (id int); create table twice (id int)');
  await onConnection(database.admin, async (client) => {
    await client.query('set search_path = first, public');
    await installTriggers(client, { tables: ['twice'] });
    await client.query('insert into first.twice values (1); insert into public.twice values (2); reset search_path');
  });
  assert.deepEqual(
    (await changesOf(database.admin, 'twice')).map(({ table_schema }) => table_schema),
    ['first'],
  );
});

test('a renamed table goes on being audited, under its new name, and its old name is free for another', async () => {
  await audit(database.admin, 'before_rename', 'create table before_rename (id int primary key)');
  await query('alter table before_rename rename to after_rename; create table before_rename (name text primary key)');
  await installOn('before_rename', 'after_rename');
  const { rows } = await query(
    `select count(distinct capture)::int as functions from threadline.audited_tables
     where relation in ('before_rename'::regclass, 'after_rename'::regclass)`,
  );
  assert.deepEqual(rows, [{ functions: 2 }]);
  await query(`insert into before_rename values ('x'); insert into after_rename values (1)`);
  assert.deepEqual(
    (await changesOf(database.admin, 'before_rename')).map(({ table_pk }) => table_pk),
    [{ name: 'x' }],
  );
  assert.deepEqual(
    (await changesOf(database.admin, 'after_rename')).map(({ table_pk }) => table_pk),
    [{ id: 1 }],
  );
});

test('a table that moves to another schema goes on being audited, under its new name', async () => {
  await audit(database.admin, 'moving', 'create table moving (id int primary key)');
  await query('create schema archive; alter table moving set schema archive; insert into archive.moving values (1)');
  await installOn('archive.moving');
  await query('update archive.moving set id = 2; truncate archive.moving');
  assert.deepEqual(
    (await changesOf(database.admin, 'moving')).map(({ table_schema, op }) => [table_schema, op]),
    [
      ['archive', 'insert'],
      ['archive', 'update'],
      ['archive', 'truncate'],
    ],
  );
});

test('a dropped table leaves its history, and nothing in the way of a new one of its name', async () => {
  await audit(database.admin, 'reborn', 'create table reborn (id int primary key)');
  await query('insert into reborn values (1)');
  await query('drop table reborn');
  await install(database.admin);
  await assert.rejects(uninstallTriggers(database.admin, { tables: ['reborn'] }), { code: 'TL_TABLE_NOT_FOUND' });
  await audit(database.admin, 'reborn', 'create table reborn (name text primary key)');
  await query(`insert into reborn values ('x')`);
  assert.deepEqual(
    (await changesOf(database.admin, 'reborn')).map(({ table_pk }) => table_pk),
    [{ id: 1 }, { name: 'x' }],
  );
  const { rows } = await query(
    `select capture::text, is_enabled, options from threadline.audited_tables where relation = 'reborn'::regclass`,
  );
  assert.deepEqual(rows, [{ capture: 'threadline.capture_public_reborn', is_enabled: true, options: {} }]);
});

test('a partition that is added later is audited by itself; auditing the table again adds its TRUNCATE', async () => {
  await query('create table parts (id int primary key) partition by range (id)');
  await installOn('parts');
  await query('create table parts_1 partition of parts for values from (0) to (10)');
  await installOn('parts');
  await query('insert into parts values (1); truncate parts_1');
  assert.deepEqual(
    (await changesOf(database.admin, 'parts')).map(({ op }) => op),
    ['insert', 'truncate'],
  );
  await assertReplays(database.admin, 'parts');
});

test('a partitioned table of two levels is audited down to its last leaf, those to come included', async () => {
  await query(`create table tree (region text, id int, n int, primary key (region, id)) partition by list (region);
    create table tree_eu partition of tree for values in ('eu') partition by range (id);
    create table tree_eu_1 partition of tree_eu for values from (0) to (10)`);
  await installOn('tree');
  await query(`create table tree_eu_2 partition of tree_eu for values from (10) to (20);
    create table tree_us partition of tree for values in ('us') partition by range (id);
    create table tree_us_1 partition of tree_us default`);
  const catalog = await definitionsOf(database.admin);
  await query(`insert into tree values ('eu', 1, 0); insert into tree_eu values ('eu', 11, 0); insert into tree_us_1 values ('us', 1, 0);
    update tree_eu_1 set n = 1; update tree set id = 12 where id = 1 and region = 'eu'; delete from tree_us`);
  assert.deepEqual(
    (await changesOf(database.admin, 'tree')).map(({ op, table_pk, partition_name }) => [op, table_pk, partition_name]),
    [
      ['insert', { region: 'eu', id: 1 }, 'public.tree_eu_1'],
      ['insert', { region: 'eu', id: 11 }, 'public.tree_eu_2'],
      ['insert', { region: 'us', id: 1 }, 'public.tree_us_1'],
      ['update', { region: 'eu', id: 1 }, 'public.tree_eu_1'],
      ['delete', { region: 'eu', id: 1 }, 'public.tree_eu_1'],
      ['insert', { region: 'eu', id: 12 }, 'public.tree_eu_2'],
      ['delete', { region: 'us', id: 1 }, 'public.tree_us_1'],
    ],
  );
  await assertReplays(database.admin, 'tree');
  for (const middle of ['tree_eu', 'tree_eu_1'])
    await assertRefused([middle], 'TL_TABLE_PARTITION', /partitioned table public\.tree\b/);
  assert.equal(await definitionsOf(database.admin), catalog);
});

test('a partition that is detached is no longer audited, and can be by itself', async () => {
  await query(`create table whole_2 (id int primary key) partition by list (id);
    create table part_2 partition of whole_2 default`);
  await installOn('whole_2');
  await query('alter table whole_2 detach partition part_2; insert into part_2 values (1)');
  assert.deepEqual(await changesOf(database.admin, 'part_2'), []);
  await installOn('part_2');
  await query('insert into part_2 values (2); truncate part_2');
  assert.deepEqual(
    (await changesOf(database.admin, 'part_2')).map(({ op, partition_name }) => [op, partition_name]),
    [
      ['insert', null],
      ['truncate', null],
    ],
  );
});

test('an option that nobody knows is refused by its name', async () => {
  await query('create table optional (id int)');
  await assert.rejects(query(`select threadline.install_trigger('optional', '{"exlude": ["id"]}')`), {
    code: 'TL006',
    message: /exlude/,
  });
});

test('to stop auditing removes triggers and function, and leaves what was recorded', async () => {
  await query(
    'create table stopped (id int primary key) partition by range (id); create table stopped_1 partition of stopped default',
  );
  const catalog = await query(
    `select count(*)::int as functions from pg_proc where pronamespace = 'threadline'::regnamespace`,
  );
  await installOn('stopped');
  await query('insert into stopped values (1)');
  await uninstallTriggers(database.admin, { tables: ['stopped'] });
  const unaudited = await catalogOf(database.admin);
  await uninstallTriggers(database.admin, { tables: ['stopped'] });
  assert.deepEqual(await catalogOf(database.admin), unaudited);
  await query('insert into stopped values (2); truncate stopped_1');
  assert.equal((await changesOf(database.admin, 'stopped')).length, 1);
  assert.deepEqual(
    (await query(`select tgname from pg_trigger where tgrelid in ('stopped'::regclass, 'stopped_1'::regclass)`)).rows,
    [],
  );
  const after = await query(
    `select count(*)::int as functions from pg_proc where pronamespace = 'threadline'::regnamespace`,
  );
  assert.deepEqual(after.rows, catalog.rows);
});

test('to stop auditing several tables, one of which does not exist, stops nothing', async () => {
  await audit(database.admin, 'ongoing', 'create table ongoing (id int)');
  const catalog = await catalogOf(database.admin);
  await assert.rejects(uninstallTriggers(database.admin, { tables: ['ongoing', 'gone'] }), {
    code: 'TL_TABLE_NOT_FOUND',
    message: /gone/,
  });
  assert.deepEqual(await catalogOf(database.admin), catalog);
});

test('the text of triggersSql() does what installTriggers() does', async () => {
  const tables = ['"Sölid ""x"""', 'sales.parts'];
  const [reference, byHand] = [await auditedDatabase(), await auditedDatabase()];
  for (const { admin } of [reference, byHand])
    await admin.query(`create table ${tables[0]} (id int primary key); create schema sales;
      create table ${tables[1]} (id int primary key) partition by range (id); create table part partition of ${tables[1]} default`);
  await installTriggers(reference.admin, { tables });
  for (const _round of [1, 2]) await byHand.admin.query(triggersSql({ tables }));
  const definitions = await definitionsOf(byHand.admin);
  assert.match(definitions, /CREATE TRIGGER .* ON public\."Sölid ""x"""/);
  assert.equal(definitions, await definitionsOf(reference.admin));
});

test('triggers that were enabled ALWAYS, for sessions in the role replica, stay that when they are installed again', async () => {
  await audit(database.admin, 'applied', 'create table applied (id int primary key)');
  await database.admin.query(`alter table applied enable always trigger "00_threadline_insert"`);
  await installTriggers(database.admin, { tables: ['applied'] });
  const { rows } = await database.admin.query(
    `select is_enabled from threadline.audited_tables where relation = 'applied'::regclass`,
  );
  assert.deepEqual(rows, [{ is_enabled: true }]);
  await database.admin.query(
    `begin; set local session_replication_role = replica; insert into applied values (1); commit`,
  );
  assert.deepEqual(
    (await changesOf(database.admin, 'applied')).map(({ table_pk }) => table_pk),
    [{ id: 1 }],
  );
});

test('installing the triggers of several tables never is in a deadlock with whoever writes to them in another order', async () => {
  await database.admin.query('create table written_last (id int); create table written_first (id int)');
  await onConnection(database.admin, async (client) => {
    await client.query('begin; insert into written_first values (1)');
    const installed = installTriggers(database.admin, { tables: ['written_last', 'written_first'] });
    await setTimeout(900);
    await client.query('insert into written_last values (1)');
    // Longer than PostgreSQL waits before it looks for a deadlock.
    await setTimeout(1500);
    await client.query('commit');
    await installed;
  });
});

test('installing triggers waits for a long transaction without holding up those who come later', async () => {
  await audit(database.admin, 'unheld', 'create table unheld (id int)');
  await uninstallTriggers(database.admin, { tables: ['unheld'] });
  for (const baseline of [false, true]) {
    await onConnection(database.admin, async (client) => {
      await client.query('begin; insert into unheld values (1)');
      const installed = installTriggers(database.admin, { tables: ['unheld'], baseline });
      await setTimeout(900);
      await Promise.race([
        database.admin.query('insert into unheld values (2)'),
        setTimeout(3000).then(() => assert.fail('the insert is held up')),
      ]);
      await client.query('commit');
      await installed;
    });
  }
});

test('the texts of triggersSql() and uninstallTriggersSql() belong to the transaction that they are run in', async () => {
  await query('create table migrated (id int primary key)');
  await onConnection(database.admin, async (client) => {
    await client.query(
      `begin; ${triggersSql({ tables: ['migrated'] })} insert into migrated values (1); rollback; insert into migrated values (2)`,
    );
    await client.query(`begin; ${triggersSql({ tables: ['migrated'] })} commit; insert into migrated values (3)`);
    await client.query(
      `begin; ${uninstallTriggersSql({ tables: ['migrated'] })} commit; insert into migrated values (4)`,
    );
  });
  assert.deepEqual(
    (await changesOf(database.admin, 'migrated')).map(({ table_pk }) => table_pk),
    [{ id: 3 }],
  );
});

test('auditing a table looks a few times at each of its columns, and not at every type, table or trigger that there is', async () => {
  await query('create table looked_at (id int primary key, a text[], b numeric, c jsonb)');
  await inTransaction(database.admin, async (client) => {
    await client.query(`set local track_functions = 'all'`);
    await client.query(`select * from threadline.install_triggers(array['looked_at'])`);
    const { rows } = await client.query(
      `select funcname as name, calls::int from pg_stat_xact_user_functions where schemaname = 'threadline' order by calls desc limit 1`,
    );
    assert.ok(rows[0].calls < 200, `${rows[0].name} was called ${rows[0].calls} times`);
  });
});
