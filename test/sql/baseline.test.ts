import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import fc from 'fast-check';
import pg from 'pg';
import { wrapPool } from '../../src/adapters/pg/index.ts';
import { actor, history, runWithActor } from '../../src/index.ts';
import { installTriggers, triggersSql, uninstallTriggers, verify } from '../../src/sql/index.ts';
import type { TestDatabase } from '../support/database.ts';
import { assertReplays } from '../support/replay.ts';
import { audit, auditedDatabase, changesOf } from './audited.ts';

let database: TestDatabase;
before(async () => {
  database = await auditedDatabase();
});

const query = (text: string) => database.admin.query(text);
const record = (...tables: string[]) => installTriggers(database.admin, { tables, baseline: true });
const begin = (table: string) =>
  query(`select * from threadline.install_triggers(array['${table}'], baseline => true)`);
const batch = async (table: string, rows: number) =>
  (await query(`select recorded::int, is_finished from threadline.baseline_batch('${table}', ${rows})`)).rows[0];

async function finish(table: string, rows = 5000): Promise<number> {
  for (let total = 0; ; ) {
    const { recorded, is_finished } = await batch(table, rows);
    total += recorded;
    if (is_finished) return total;
  }
}

const SHAPES: readonly (readonly [what: string, ddl: string, fill: string])[] = [
  ['an integer key', 'id int primary key, note text', `select g, 'n' || g from generate_series(1, 57) g`],
  [
    'a composite key in an order of its own',
    'a int, note text, b text, primary key (b, a)',
    `select g % 7, null, 'x' || g from generate_series(1, 57) g`,
  ],
  [
    'a key of 2,560 bytes',
    'id text primary key, n int',
    `select (select string_agg(md5(g || '.' || i), '') from generate_series(1, 80) i), g from generate_series(1, 23) g`,
  ],
  ['a numeric key', 'id numeric primary key', `select g / 3.0 from generate_series(1, 23) g union all select 'NaN'`],
  [
    'a time as key',
    'id timestamptz primary key',
    `select '2026-01-01'::timestamptz + g * interval '1.000001 h' from generate_series(1, 23) g`,
  ],
  ['a bytea key', 'id bytea primary key', `select decode(md5(g::text), 'hex') from generate_series(1, 23) g`],
  ['a char(12) key', 'id char(12) primary key, n int', `select 'row ' || g, g from generate_series(1, 23) g`],
  ['a bit(9) key', 'id bit(9) primary key, n int', `select g::bit(9), g from generate_series(1, 23) g`],
  ['an array as key', 'id int[] primary key', `select array[g % 3, g] from generate_series(1, 23) g`],
  [
    'no key',
    'word text, number float8',
    `select 'same', g % 2 from generate_series(1, 23) g union all select null, null`,
  ],
  [
    'json that jsonb refuses',
    'id int primary key, doc json',
    `select g, case when g % 5 = 0 then '{"a": "\\u0000"}' else '{"a": 1}' end::json from generate_series(1, 23) g`,
  ],
  [
    'json that jsonb refuses, and no key',
    'id int, doc json',
    `select g, case when g % 5 = 0 then '{"a": "\\u0000"}' else '{"a": 1}' end::json from generate_series(1, 23) g`,
  ],
  ['a domain that takes no NULL', 'id int primary key, must filled', `select g, 'x' from generate_series(1, 23) g`],
];

test('the rows that are there already are recorded, whatever the key, in batches of any size', async (t) => {
  await query('create domain filled as text not null');
  for (const [index, [what, columns, fill]] of SHAPES.entries())
    await t.test(what, async () => {
      const table = `brownfield_${index}`;
      await query(`create table ${table} (${columns}); insert into ${table} ${fill}`);
      const { rows } = await query(`select count(*)::int as count from ${table}`);
      await begin(table);
      assert.equal(await finish(table, 10), rows[0].count);
      const changes = await changesOf(database.admin, table);
      assert.deepEqual([...new Set(changes.map(({ op }) => op))], ['baseline']);
      assert.equal(changes.length, rows[0].count);
      if (!/json|key of/.test(what)) await assertReplays(database.admin, table);
      await query(`delete from ${table}`);
      assert.deepEqual((await query(`select * from threadline.replay('${table}')`)).rows, []);
    });
});

test('installTriggers says how many rows it recorded, and none when it is called again', async () => {
  await query(`create table counted (id int primary key); insert into counted select generate_series(1, 12000)`);
  assert.deepEqual(await record('counted'), { baselineRows: 12000 });
  assert.deepEqual(await record('counted'), { baselineRows: 0 });
  await query('insert into counted values (0); delete from counted where id = 7');
  assert.deepEqual(await record('counted'), { baselineRows: 0 });
  await assertReplays(database.admin, 'counted');
});

test('the baseline of a partitioned table has the rows of every leaf, and TRUNCATE of a leaf ends those of that leaf', async () => {
  await query(`create table days (day int, n int, primary key (day, n)) partition by range (day);
    create table days_1 partition of days for values from (0) to (10);
    create table days_2 partition of days for values from (10) to (20);
    insert into days select d, n from generate_series(0, 19) d, generate_series(1, 3) n`);
  await begin('days');
  await batch('days', 20);
  await query(
    'update days set day = 19 - day, n = n + 10 where n = 2; truncate days_1; insert into days values (3, 3)',
  );
  await finish('days', 7);
  await assertReplays(database.admin, 'days');
});

test('in the log, the baseline of a row comes before every change of it, and after what was recorded earlier', async () => {
  await query(`create table ordered (id int primary key, n int); insert into ordered values (1, 0), (2, 0)`);
  await installTriggers(database.admin, { tables: ['ordered'] });
  await query('update ordered set n = 1');
  await begin('ordered');
  await query('update ordered set n = 2');
  await query('update ordered set n = 3 where id = 2');
  await finish('ordered');
  const changes = await history(database.admin, { table: 'ordered', pk: 2 });
  assert.deepEqual(
    changes.map(({ op, after }) => [op, after?.['n']]),
    [
      ['update', 3],
      ['update', 2],
      ['baseline', 1],
      ['update', 1],
    ],
  );
  await assertReplays(database.admin, 'ordered');
});

test('rows that are changed back, moved, swapped, deleted and inserted before the baseline reaches them are told exactly', async () => {
  await query(
    `create table busy (id int primary key deferrable, n int); insert into busy select g, 0 from generate_series(1, 20) g`,
  );
  await begin('busy');
  await batch('busy', 5);
  await query(`update busy set n = 1 where id = 19; update busy set n = 0 where id = 19;
    update busy set id = 31 - id where id > 10; update busy set id = 100 where id = 3; update busy set id = 3 where id = 18;
    delete from busy where id in (1, 15); insert into busy values (1, 5), (50, 5)`);
  await finish('busy', 5);
  await assertReplays(database.admin, 'busy');
  const { rows } = await query(
    `select count(*)::int as rows, count(distinct table_pk)::int as keys from threadline.audit_changes where table_name = 'busy' and op = 'baseline'`,
  );
  assert.deepEqual(rows, [{ rows: 20, keys: 20 }]);
});

test('an unfinished baseline is forgotten when auditing ends: begun again without one, updates store what changed', async () => {
  const images = { table: 'left_off', images: 'changed' } as const;
  await query('create table left_off (id int primary key, n int, note text); insert into left_off values (1, 0)');
  await installTriggers(database.admin, { tables: [images] });
  await begin('left_off');
  await uninstallTriggers(database.admin, { tables: ['left_off'] });
  await installTriggers(database.admin, { tables: [images] });
  const { tables } = await verify(database.admin, { tables: ['left_off'] });
  assert.deepEqual(
    tables.map(({ state }) => state),
    ['covered'],
  );
  await query('update left_off set n = 1');
  const [change] = await changesOf(database.admin, 'left_off');
  assert.deepEqual(change?.data_after, { n: 1 });
});

test('a baseline that was interrupted goes on where it was', async () => {
  await query(`create table cut_off (id int primary key); insert into cut_off select generate_series(1, 30)`);
  await begin('cut_off');
  assert.deepEqual(await batch('cut_off', 10), { recorded: 10, is_finished: false });
  const client = new pg.Client({ connectionString: database.url });
  client.on('error', () => {});
  await client.connect();
  const { rows } = await client.query(`select pg_backend_pid() as pid`);
  await client.query('begin');
  await client.query(`select * from threadline.baseline_batch('cut_off', 10)`);
  await query(`select pg_terminate_backend(${rows[0].pid}, 10000)`);
  await client.end().catch(() => {});
  await query('delete from cut_off where id in (5, 15, 25)');
  assert.deepEqual(await record('cut_off'), { baselineRows: 20 });
  await assertReplays(database.admin, 'cut_off');
});

test('neither an open transaction of a writer holds up the baseline, nor the baseline a writer', async () => {
  await query(
    `create table shared (id int primary key, n int); insert into shared select g, 0 from generate_series(1, 20) g`,
  );
  await begin('shared');
  const [writer, recorder] = await Promise.all([database.admin.connect(), database.admin.connect()]);
  try {
    await writer.query(
      `set lock_timeout = '5s'; begin; update shared set n = 1 where id = 4; delete from shared where id = 9`,
    );
    await recorder.query(`set lock_timeout = '5s'; begin`);
    await recorder.query(`select * from threadline.baseline_batch('shared', 100)`);
    await writer.query('update shared set n = 2 where id = 5; insert into shared values (21, 0); commit');
    await recorder.query('commit');
  } finally {
    writer.release(true);
    recorder.release(true);
  }
  await finish('shared');
  await assertReplays(database.admin, 'shared');
});

for (const [name, columns, images] of [
  ['concurrent', 'id int primary key, n int', 'full'],
  ['concurrent_without_key', 'id int, n int', 'full'],
  ['concurrent_images_changed', 'id int primary key, n int', 'changed'],
] as const) {
  test(`whatever is written while the baseline is recorded, replay gives the table (${name})`, async () => {
    const statements: readonly ((a: number, b: number) => string)[] = [
      (a, b) => `insert into ${name} values (${a}, ${b}) on conflict do nothing`,
      (a, b) => `update ${name} set n = ${b} where id % 7 = ${a % 7}`,
      (a) => `update ${name} set n = 0 where id = ${a}`,
      (a) => `update ${name} set id = id + 1000 where id = ${a}`,
      (a) => `update ${name} set id = id - 1000 where id > 1000 and id % 3 = ${a % 3}`,
      (a, b) => `delete from ${name} where id between ${a} and ${a + (b % 4)}`,
      (a, b) => (a % 11 === 0 && b === 3 ? `truncate ${name}` : `select 1`),
    ];
    const step = fc.record({
      statement: fc.nat(6),
      a: fc.nat(60),
      b: fc.nat(9),
      ends: fc.constantFrom('commit', 'rollback'),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(step, { maxLength: 12 }), { minLength: 2, maxLength: 3 }),
        fc.integer({ min: 3, max: 30 }),
        async (sessions, size) => {
          await query(`drop table if exists ${name}; create table ${name} (${columns});
          insert into ${name} select g, g % 2 from generate_series(1, 60) g`);
          await installTriggers(database.admin, { tables: [{ table: name, images }] });
          await begin(name);
          const writers = sessions.map(async (steps) => {
            const client = new pg.Client({
              connectionString: database.url,
              options: '-c lock_timeout=500ms -c deadlock_timeout=50ms',
            });
            await client.connect();
            for (const { statement, a, b, ends } of steps)
              await client
                .query(`begin; ${statements[statement]?.(a, b)}; ${statements[(statement + a) % 6]?.(b, a)}; ${ends}`)
                .catch(() => client.query('rollback'));
            await client.end();
          });
          await finish(name, size);
          await Promise.all(writers);
          await assertReplays(database.admin, name);
        },
      ),
      { numRuns: 25 },
    );
  });
}

test('a row whose key changes to one that its type calls equal is told once', async () => {
  await query(
    `create table spans (id interval primary key); insert into spans select g * interval '30 days' from generate_series(1, 5) g`,
  );
  await begin('spans');
  await batch('spans', 1);
  await query(`update spans set id = '1 mon' where id = '30 days'`);
  await finish('spans');
  await assertReplays(database.admin, 'spans');
});

test('the rows of children are none of their parent, and take no place in the log that other changes have', async () => {
  await audit(database.admin, 'bystander', 'create table bystander (id int primary key)');
  await query(`create table parent (id int primary key); create table child () inherits (parent);
    insert into parent values (1); insert into child select g from generate_series(1, 500) g`);
  assert.deepEqual(await record('parent'), { baselineRows: 1 });
  await query('insert into bystander values (1), (2)');
  await assertReplays(database.admin, 'bystander');
});

test('rows that come in unseen, more than a baseline has places for, are refused, and no write of others fails', async () => {
  await audit(database.admin, 'onlooker', 'create table onlooker (id int primary key)');
  await query(`create table growing (id int primary key) partition by range (id);
    create table growing_1 partition of growing for values from (0) to (10); insert into growing values (1);
    create table growing_2 as select g as id from generate_series(10, 2000) g; alter table growing_2 alter id set not null`);
  await begin('growing');
  const places = `select (end_id - start_id)::int as places from threadline.baselines where table_name = 'growing'`;
  // One more than there are places.
  await query(`delete from growing_2 where id >= 10 + ${(await query(places)).rows[0].places}`);
  await query('alter table growing attach partition growing_2 for values from (10) to (3000)');
  await assert.rejects(batch('growing', 5000), { code: 'TL030' });
  await query('insert into onlooker select generate_series(1, 500)');
  await uninstallTriggers(database.admin, { tables: ['growing'] });
  const { rows } = await query('select count(*)::int as count from growing');
  assert.deepEqual(await record('growing'), { baselineRows: rows[0].count });
  await assertReplays(database.admin, 'growing');
});

test('the rows of a partition on another server are recorded as well, however few there are here', async () => {
  const { admin, host, port, name } = database;
  await query(`create extension if not exists postgres_fdw;
    create server elsewhere foreign data wrapper postgres_fdw options (host '${host}', port '${port}', dbname '${name}');
    create user mapping for current_user server elsewhere options (user 'postgres');
    create table archive (id int); insert into archive select generate_series(1, 3);
    create table mixed (id int) partition by range (id); create table mixed_1 partition of mixed for values from (10) to (20);
    create foreign table mixed_2 partition of mixed for values from (0) to (10) server elsewhere options (table_name 'archive')`);
  assert.deepEqual(await record('mixed'), { baselineRows: 3 });
  await assertReplays(admin, 'mixed');
});

for (const level of ['repeatable read', 'serializable'])
  test(`a baseline is not recorded out of a ${level} snapshot from before it began`, async () => {
    const table = `frozen_${level.replace(' ', '_')}`;
    await query(`create table ${table} (id int primary key); insert into ${table} values (1)`);
    const [writer, migration] = [await database.admin.connect(), await database.admin.connect()];
    try {
      await writer.query(`begin; insert into ${table} values (2)`);
      await migration.query(`begin isolation level ${level}`);
      const begun = migration.query(`select * from threadline.install_triggers(array['${table}'], baseline => true)`);
      await waitedFor(table);
      await writer.query('commit');
      await begun;
      await assert.rejects(migration.query(`select threadline.record_baselines(array['${table}'])`), { code: 'TL030' });
    } finally {
      await migration.query('rollback');
      for (const client of [writer, migration]) client.release();
    }
    assert.deepEqual(await record(table), { baselineRows: 2 });
  });

test('a baseline is recorded out of a snapshot from after it began', async () => {
  await query('create table thawed (id int primary key); insert into thawed values (1)');
  await begin('thawed');
  await query(`begin isolation level serializable; select threadline.record_baselines(array['thawed']); commit`);
  await assertReplays(database.admin, 'thawed');
});

test('there is nothing to go on with where no baseline was begun, auditing has ended, or it is done', async () => {
  await audit(database.admin, 'unbegun', 'create table unbegun (id int primary key)');
  await assert.rejects(batch('unbegun', 5), { code: 'TL030' });
  await begin('unbegun');
  await uninstallTriggers(database.admin, { tables: ['unbegun'] });
  await assert.rejects(batch('unbegun', 5), { code: 'TL030' });
  await record('unbegun');
  const { rows } = await query(`select recorded::int, is_finished from threadline.baseline_batch('unbegun')`);
  assert.deepEqual(rows, [{ recorded: 0, is_finished: true }]);
});

test('of two who record the same baseline one waits for the other, and goes on where that was', async () => {
  await query('create table twofold (id int primary key); insert into twofold select generate_series(1, 9)');
  await begin('twofold');
  const [first, second] = [await database.admin.connect(), await database.admin.connect()];
  try {
    await first.query(`begin; select * from threadline.baseline_batch('twofold', 5)`);
    const { rows } = await second.query('select pg_backend_pid() as pid');
    const waiting = second.query(`select recorded::int from threadline.baseline_batch('twofold', 5)`);
    const isWaiting = `select from pg_locks where pid = ${rows[0].pid} and not granted`;
    while ((await query(isWaiting)).rows.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await first.query('commit');
    assert.deepEqual((await waiting).rows, [{ recorded: 4 }]);
  } finally {
    for (const client of [first, second]) client.release();
  }
  await finish('twofold');
  await assertReplays(database.admin, 'twofold');
});

test('after a time without audit a baseline begins anew, and what was recorded before it no longer counts', async () => {
  await query(`create table paused (id int primary key); insert into paused values (1), (2)`);
  await record('paused');
  await query(`select threadline.uninstall_triggers(array['paused'])`);
  await query('delete from paused where id = 1; insert into paused values (3)');
  assert.deepEqual(await record('paused'), { baselineRows: 2 });
  await assertReplays(database.admin, 'paused');
});

test('a finished baseline goes with its table to a new name, half of one begins anew, and that of the name before is forgotten', async () => {
  for (const table of ['old_one', 'other_one', 'half_one'])
    await query(`create table ${table} (id int primary key, n int); insert into ${table} values (1, 0), (2, 0)`);
  await installTriggers(database.admin, { tables: ['old_one', 'half_one'] });
  await query('update old_one set n = 1');
  await record('old_one');
  await query('alter table old_one rename to new_one; update new_one set n = 2 where id = 1');
  await assertReplays(database.admin, 'new_one');

  await begin('half_one');
  await batch('half_one', 1);
  await query('alter table half_one rename to whole_one');
  await assert.rejects(batch('whole_one', 1), { code: 'TL030' });
  assert.deepEqual(await record('whole_one'), { baselineRows: 2 });
  await assertReplays(database.admin, 'whole_one');

  await audit(database.admin, 'heir', 'create table heir (id int primary key)');
  await query('insert into heir values (1)');
  await record('other_one');
  await query('drop table other_one; alter table heir rename to other_one');
  assert.deepEqual(await record('other_one'), { baselineRows: 1 });
  await assertReplays(database.admin, 'other_one');
});

test('a baseline honours what is excluded and masked', async () => {
  await query(
    `create table secret (id int primary key, token text, mail text); insert into secret values (1, 't', 'm')`,
  );
  await installTriggers(database.admin, {
    tables: [{ table: 'secret', exclude: ['token'], mask: ['mail'] }],
    baseline: true,
  });
  assert.deepEqual(
    (await changesOf(database.admin, 'secret')).map(({ data_after }) => data_after),
    [{ id: 1, mail: '[REDACTED]' }],
  );
});

test('a baseline carries the actor of whoever runs it', async () => {
  await query(`create table attributed (id int primary key); insert into attributed values (1)`);
  const pool = wrapPool(new pg.Pool({ connectionString: database.url, max: 1 }));
  await runWithActor(actor.job('brownfield'), () => installTriggers(pool, { tables: ['attributed'], baseline: true }));
  await pool.end();
  const [change] = await history(database.admin, { table: 'attributed', pk: 1 });
  assert.deepEqual(change?.transaction.actor, actor.job('brownfield'));
});

test('a column that is added while the baseline is recorded makes it begin anew, with what to do', async () => {
  await query(`create table widened (id int primary key); insert into widened select generate_series(1, 9)`);
  await begin('widened');
  await batch('widened', 5);
  await query('alter table widened add note text');
  await assert.rejects(batch('widened', 5), { code: 'TL030', hint: /installTriggers/ });
  assert.deepEqual(await record('widened'), { baselineRows: 9 });
  await assertReplays(database.admin, 'widened');
});

test('with images: changed, updates store whole rows until the baseline is finished, and what changed from then on', async () => {
  await query(
    `create table thin (id int primary key, n int, note text); insert into thin select g, 0, 'x' from generate_series(1, 6) g`,
  );
  await installTriggers(database.admin, { tables: [{ table: 'thin', images: 'changed' }] });
  const lastImage = async () => (await changesOf(database.admin, 'thin')).at(-1)?.data_after;
  await query('update thin set n = 1 where id = 1');
  assert.deepEqual(await lastImage(), { n: 1 });
  await begin('thin');
  await batch('thin', 2);
  await query('update thin set n = 2 where id = 5');
  assert.deepEqual(await lastImage(), { id: 5, n: 2, note: 'x' });
  await finish('thin');
  await query('update thin set n = 7');
  assert.deepEqual(await lastImage(), { n: 7 });
  await assertReplays(database.admin, 'thin');
  assert.deepEqual(
    (await verify(database.admin, { tables: ['thin'] })).tables.map(({ state }) => state),
    ['covered'],
  );
});

test('as text for a migration, all of it is recorded in one transaction', async () => {
  await query(`create table migrated (id int primary key); insert into migrated select generate_series(1, 6000)`);
  await query(`begin; ${triggersSql({ tables: ['migrated'], baseline: true })} commit`);
  await assertReplays(database.admin, 'migrated');
  assert.equal((await changesOf(database.admin, 'migrated')).length, 6000);
});

test('a baseline of a table that is audited already begins between two writers, not in the middle of one', async () => {
  await query(`create table held (id int primary key, n int); insert into held values (1, 0)`);
  await installTriggers(database.admin, { tables: ['held'] });
  const writer = await database.admin.connect();
  try {
    await writer.query('begin; update held set n = 1');
    let hasBegun = false;
    const beginning = begin('held').then(() => {
      hasBegun = true;
    });
    const isWaiting = async () =>
      (await query(`select from pg_locks where relation = 'held'::regclass and not granted`)).rows.length > 0;
    while (!hasBegun && !(await isWaiting()));
    if (hasBegun) await finish('held');
    await writer.query('commit');
    await beginning;
  } finally {
    writer.release();
  }
  await finish('held');
  await assertReplays(database.admin, 'held');
});

test('the baselines of several tables begin one by one: while one is waited for, others are written', async () => {
  await query('create table waited_first (id int primary key); create table waited_last (id int primary key)');
  await query('insert into waited_first values (1); insert into waited_last values (1)');
  await installTriggers(database.admin, { tables: ['waited_first', 'waited_last'] });
  const writer = await database.admin.connect();
  try {
    await writer.query("begin; set local deadlock_timeout = '10ms'; insert into waited_last values (2)");
    const recorded = record('waited_first', 'waited_last');
    await waitedFor('waited_last');
    await writer.query('insert into waited_first values (2); commit');
    assert.deepEqual(await recorded, { baselineRows: 3 });
  } finally {
    await writer.query('rollback');
    writer.release();
  }
  for (const table of ['waited_first', 'waited_last']) await assertReplays(database.admin, table);
});

async function waitedFor(table: string): Promise<void> {
  const waiting = `select from pg_locks where relation = '${table}'::regclass and not granted`;
  while ((await query(waiting)).rows.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
}
