import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type pg from 'pg';
import { actor } from '../../src/index.ts';
import { install, installTriggers } from '../../src/sql/index.ts';
import type { TestDatabase } from '../support/database.ts';
import { assertReplays } from '../support/replay.ts';
import { audit, auditedDatabase, changesOf, enter, inTransaction } from './audited.ts';
import { onConnection } from './installing.ts';

let database: TestDatabase;
before(async () => {
  database = await auditedDatabase();
});

const query = (text: string) => database.admin.query(text);

/** Runs `work` while nothing follows changes of tables, as where no event trigger may be created. */
async function withoutEventTrigger(work: () => Promise<unknown>): Promise<void> {
  await query('alter event trigger threadline disable');
  await work().finally(() => query('alter event trigger threadline enable'));
}

/** What the functions of the log call their own variables, tables and records. */
const OWN_NAMES =
  'state context opened place number hash key key_before fields before after image is_stale root_schema root_table changed changed_rows t r new old tg_op tg_relid tg_level tg_table_schema tg_table_name tg_argv compared gone row page standing i c'.split(
    ' ',
  );

test('a column may have any name that the functions of the log use themselves', async () => {
  for (const name of OWN_NAMES) {
    const table = `named_${name}`;
    await query(`create table ${table} (id int primary key, "${name}" bigint, doc json);
      insert into ${table} values (7, 7, '"\\u0000"'), (8, 8, '{}')`);
    await installTriggers(database.admin, { tables: [{ table, truncate: 'rows' }], baseline: true });
    await assertReplays(database.admin, table, 'after its baseline');
    for (const conflict of ['error', 'use_column', 'use_variable'])
      await onConnection(
        database.admin,
        async (client) =>
          void (await client.query(`set plpgsql.variable_conflict = '${conflict}';
          insert into ${table} values (1, 777, null), (2, 777, '"\\u0000"'); update ${table} set "${name}" = 778 where id < 7;
          update ${table} set id = id + 10 where id < 3; delete from ${table} where id > 10`)),
      );
    await assertReplays(database.admin, table);
    await query(`truncate ${table}`);
    await assertReplays(database.admin, table, 'after TRUNCATE');
    const { rows } = await query(
      `select count(*) from threadline.audit_changes c where c.table_name = '${table}'
         and not exists (select from threadline.audit_transactions t where t.id = c.transaction_id)`,
    );
    assert.equal(rows[0].count, '0', `${name} is taken for the audit transaction`);
  }
});

test('nor does such a name matter where a column was added and nothing follows', async () => {
  await withoutEventTrigger(async () => {
    for (const name of OWN_NAMES) {
      const table = `grown_${name}`;
      await audit(database.admin, table, `create table ${table} (id int primary key, "${name}" text)`);
      await query(`alter table ${table} add extra int default 7;
        insert into ${table} values (1, 'a'), (2, 'b'); update ${table} set "${name}" = 'c' where id = 1; delete from ${table} where id = 2`);
      await assertReplays(database.admin, table);
    }
  });
});

test('a column whose name looks like a part of what is put together is excluded, masked and recorded like any other', async () => {
  let count = 0;
  for (const name of ['ROW.x', 'THROW.x', '#image#', `the"image'here`, '%s', '$function$']) {
    const quoted = `"${name.replaceAll('"', '""')}"`;
    for (const options of [{}, { exclude: [name] }, { mask: [name] }]) {
      count += 1;
      const table = `looking_${count}`;
      await query(`create table ${table} (id int primary key, ${quoted} text, note text);
        insert into ${table} values (0, 'old', '')`);
      await installTriggers(database.admin, { tables: [{ table, ...options }], baseline: true });
      await query(`insert into ${table} values (1, 'secret', 'a');
        update ${table} set ${quoted} = 'secret 2', note = 'b' where id = 1`);
      const changes = await changesOf(database.admin, table);
      assert.equal(changes.length, 3);
      assert.equal(JSON.stringify(changes).includes('secret'), Object.keys(options).length === 0, name);
      assert.equal(Object(changes[2]?.data_after).note, 'b', name);
    }
  }
  await query(`create table keyed ("#image#" text primary key); insert into keyed values ('a')`);
  await installTriggers(database.admin, { tables: ['keyed'], baseline: true });
  await assertReplays(database.admin, 'keyed');
});

test('a table without a column is audited', async () => {
  await audit(database.admin, 'bare', 'create table bare ()');
  await query('insert into bare default values; delete from bare');
  assert.deepEqual(
    (await changesOf(database.admin, 'bare')).map(({ op }) => op),
    ['insert', 'delete'],
  );
});

test('a virtual column that is hidden hides nothing else', async (t) => {
  const { rows } = await query(`select current_setting('server_version_num')::int as number`);
  if (rows[0].number < 180_000) return t.skip('virtual columns came with PostgreSQL 18');
  for (const hidden of ['exclude', 'mask'] as const) {
    const table = `virtually_${hidden}`;
    await query(
      `create table ${table} (id int primary key, a text, doc json, v text generated always as (a || 'x') virtual)`,
    );
    await installTriggers(database.admin, { tables: [{ table, [hidden]: ['v'], truncate: 'rows' }] });
    await query(`insert into ${table} values (1, 'p', '{}'), (2, 'q', '"\\u0000"'); truncate ${table}`);
    const changes = await changesOf(database.admin, table);
    assert.deepEqual(
      changes.map(({ op, table_pk, changed_from, data_after }) => [
        op,
        table_pk,
        Object.keys(changed_from ?? data_after ?? {}),
      ]),
      [
        ['insert', { id: 1 }, ['a', 'id', 'doc']],
        ['insert', { id: 2 }, ['a', 'id', 'doc']],
        ['delete', { id: 1 }, ['a', 'id', 'doc']],
        ['delete', { id: 2 }, ['a', 'id', 'doc']],
        ['truncate', null, []],
      ],
    );
    assert.doesNotMatch(JSON.stringify(changes), /REDACTED/);
  }
});

test('what a column holds that was added unnoticed does not depend on the session either', async () => {
  await audit(database.admin, 'unnoticed', 'create table unnoticed (id int primary key)');
  await withoutEventTrigger(async () => {
    await query(
      'alter table unnoticed add at timestamptz, add span interval, add f float8, add r tstzrange, add b bytea',
    );
    await onConnection(
      database.admin,
      async (client) =>
        void (await client.query(`set timezone = 'Asia/Tokyo'; set datestyle = 'SQL, DMY'; set intervalstyle = 'iso_8601';
        set extra_float_digits = -10; set bytea_output = 'escape';
        insert into unnoticed values (1, '2026-03-04 12:00+00', '1 day', 0.1234567890123456, '[2026-03-04 12:00+00,)', '\\x00ff')`)),
    );
    await assertReplays(database.admin, 'unnoticed');
    await query('delete from unnoticed');
    await assertReplays(database.admin, 'unnoticed');
  });
});

for (const [from, to, value] of [
  ['date', 'timestamptz', `'2026-03-04 12:00+00'`],
  ['timestamp', 'timestamptz', `'2026-03-04 12:00+00'`],
  ['int', 'float8', '0.1234567890123456'],
  ['numeric', 'float4', '0.12345678'],
  ['text', 'tstzrange', `'[2026-03-04 12:00+00,)'`],
  ['text', 'bytea', String.raw`'\x00ff'`],
  ['text', 'interval', `'1 day 2 hours'`],
] as const)
  for (const kind of ['plain', 'partitioned'] as const)
    test(`nor what one holds that became ${to} unnoticed, and was ${from}, in a ${kind} table`, async () => {
      const table = `${from}_${to}_${kind}`;
      await query(
        `create table ${table} (id int primary key, v ${from}, n int)${kind === 'plain' ? '' : ' partition by hash (id)'}`,
      );
      if (kind === 'partitioned')
        await query(`create table ${table}_0 partition of ${table} for values with (modulus 1, remainder 0)`);
      await installTriggers(database.admin, { tables: [table] });
      const settings = `set timezone = 'Asia/Tokyo'; set datestyle = 'SQL, DMY'; set intervalstyle = 'iso_8601';
        set extra_float_digits = -10; set bytea_output = 'escape'`;
      const write = (client: pg.PoolClient) =>
        client.query(`insert into ${table} values (1, ${value}, 0), (2, null, 0); update ${table} set v = ${value} where id = 2;
          update ${table} set n = 1; delete from ${table} where id = 1`);
      await withoutEventTrigger(() =>
        // One session has its plans from before the change, another makes them after it.
        onConnection(database.admin, async (known) => {
          await known.query(settings);
          for (let time = 0; time < 8; time += 1)
            await known.query(
              `insert into ${table} values (0, null, 0); update ${table} set n = 1; delete from ${table}`,
            );
          await query(`alter table ${table} alter v type ${to} using null`);
          await write(known);
          await assertReplays(database.admin, table, 'a session that wrote before');
          await query(`delete from ${table}`);
          await onConnection(database.admin, async (fresh) => {
            await fresh.query(settings);
            await write(fresh);
          });
        }),
      );
      await assertReplays(database.admin, table, 'a session that did not');
      await query(`delete from ${table}`);
      await assertReplays(database.admin, table);
    });

test('a key that a partition has, and its table has not, is none of what is recorded', async () => {
  await query(`create table parted (id int, doc json) partition by range (id);
    create table parted_0 partition of parted for values from (0) to (100); alter table parted_0 add primary key (id)`);
  await installTriggers(database.admin, { tables: [{ table: 'parted', truncate: 'rows' }] });
  await query(
    `insert into parted values (1, '{}'), (2, '"\\u0000"'); update parted set doc = '{"z": 1}'; truncate parted`,
  );
  const keys = (await changesOf(database.admin, 'parted')).map(({ table_pk }) => table_pk);
  assert.ok(keys.length >= 6);
  assert.deepEqual(new Set(keys), new Set([null]));
});

test('a context that comes back continues its audit transaction, however a session reads its strings', async () => {
  await audit(database.admin, 'reading', 'create table reading (id int primary key)');
  await inTransaction(database.admin, async (client) => {
    await client.query('set local standard_conforming_strings = off; set local escape_string_warning = off');
    for (const [id, name] of ['a', 'b', 'a', 'b', 'a'].entries()) {
      await enter(client, { actor: actor.user(name) });
      await client.query(`insert into reading values (${id})`);
    }
  });
  const [first, second, ...others] = (await changesOf(database.admin, 'reading')).map(
    (change) => change.transaction_id,
  );
  assert.deepEqual(others, [first, second, first]);
});

test('rows that a policy hides from the owner of the log are not lost: TRUNCATE that is to record them fails', async () => {
  const owner = `owner_of_${database.name}`;
  await query(
    `create role ${owner}; grant create on schema public to ${owner}; grant create on database ${database.name} to ${owner}`,
  );
  await onConnection(database.admin, async (client) => {
    await client.query(`set session authorization ${owner}`);
    await install(client, { schema: 'owned_log' });
    await client.query(`create table tenants (id int primary key); insert into tenants values (1), (2);
      alter table tenants enable row level security; alter table tenants force row level security;
      create policy nobody on tenants using (false)`);
    await installTriggers(client, { tables: [{ table: 'tenants', truncate: 'rows' }], schema: 'owned_log' });
    await assert.rejects(client.query('truncate tenants'), { code: '42501' });
  });
  await query(`drop schema owned_log cascade; drop owned by ${owner}; drop role ${owner}`);
});
