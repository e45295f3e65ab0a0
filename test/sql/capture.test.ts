import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { actor } from '../../src/index.ts';
import { installTriggers } from '../../src/sql/index.ts';
import type { TestDatabase } from '../support/database.ts';
import { assertReplays } from '../support/replay.ts';
import { audit, auditedDatabase, changesOf, inTransaction, withoutEventTriggers } from './audited.ts';

let database: TestDatabase;
before(async () => {
  database = await auditedDatabase();
});

const query = (text: string) => database.admin.query(text);

test('an insert is recorded with its key and the whole new row', async () => {
  await audit(database.admin, 'inserted', 'create table inserted (id int primary key, name text, age int)');
  await query(`insert into inserted values (1, 'Ada', null)`);
  const [change] = await changesOf(database.admin, 'inserted');
  assert.deepEqual(change, {
    transaction_id: change?.transaction_id,
    table_schema: 'public',
    table_name: 'inserted',
    partition_name: null,
    op: 'insert',
    table_pk: { id: 1 },
    table_pk_before: null,
    changed_fields: null,
    changed_from: null,
    data_after: { id: 1, name: 'Ada', age: null },
  });
});

test('an update is recorded with what changed, the old values of that, and the whole new row', async () => {
  await audit(database.admin, 'updated', 'create table updated (id int primary key, name text, age int, note text)');
  await query(`insert into updated values (1, 'Ada', null, 'n')`);
  await query(`update updated set age = 36, name = 'Ada L.'`);
  const [, change] = await changesOf(database.admin, 'updated');
  assert.equal(change?.op, 'update');
  assert.deepEqual(change?.table_pk, { id: 1 });
  assert.equal(change?.table_pk_before, null);
  assert.deepEqual(change?.changed_fields, ['name', 'age']);
  assert.deepEqual(change?.changed_from, { name: 'Ada', age: null });
  assert.deepEqual(change?.data_after, { id: 1, name: 'Ada L.', age: 36, note: 'n' });
});

test('an update of the key is recorded under the new key, with the old one beside it', async () => {
  await audit(database.admin, 'rekeyed', 'create table rekeyed (a int, b text, c int, primary key (b, a))');
  await query(`insert into rekeyed values (1, 'x', 0); update rekeyed set a = 2`);
  const [, change] = await changesOf(database.admin, 'rekeyed');
  assert.deepEqual(change?.table_pk, { a: 2, b: 'x' });
  assert.deepEqual(change?.table_pk_before, { a: 1, b: 'x' });
});

test('a delete is recorded with its key and the whole old row', async () => {
  await audit(database.admin, 'deleted', 'create table deleted (id int primary key, name text)');
  await query(`insert into deleted values (1, 'Ada'); delete from deleted`);
  const [, change] = await changesOf(database.admin, 'deleted');
  assert.equal(change?.op, 'delete');
  assert.deepEqual(change?.table_pk, { id: 1 });
  assert.deepEqual(change?.changed_from, { id: 1, name: 'Ada' });
  assert.deepEqual([change?.data_after, change?.changed_fields, change?.table_pk_before], [null, null, null]);
});

test('a TRUNCATE is recorded as one change without rows, for each of its tables', async () => {
  await audit(database.admin, 'emptied', 'create table emptied (id int primary key)');
  await audit(database.admin, 'emptied_too', 'create table emptied_too (id int references emptied)');
  await query('insert into emptied values (1), (2); truncate emptied cascade');
  const last = (await changesOf(database.admin, 'emptied')).at(-1);
  assert.equal(last?.op, 'truncate');
  assert.deepEqual([last?.table_pk, last?.changed_from, last?.data_after], [null, null, null]);
  assert.deepEqual(
    (await changesOf(database.admin, 'emptied_too')).map((change) => change.op),
    ['truncate'],
  );
});

test('an update that changes nothing is not recorded', async () => {
  await audit(database.admin, 'untouched', 'create table untouched (id int primary key, doc json, name text)');
  await query(`insert into untouched values (1, '{"a":1}', null); update untouched set name = name, doc = doc, id = 1`);
  assert.equal((await changesOf(database.admin, 'untouched')).length, 1);
});

test('both arms of an upsert, MERGE-like CTEs and a rolled back savepoint are recorded as what became of the rows', async () => {
  await audit(database.admin, 'upserted', 'create table upserted (id int primary key, n int)');
  await query(`insert into upserted values (1, 1);
    insert into upserted values (1, 5), (2, 5) on conflict (id) do update set n = excluded.n;
    begin; savepoint s; delete from upserted; rollback to s; update upserted set n = 6 where id = 2; commit;
    with gone as (delete from upserted where id = 1 returning n) insert into upserted select 3, n from gone`);
  assert.deepEqual(
    (await changesOf(database.admin, 'upserted')).map(({ op, table_pk }) => [op, table_pk]),
    [
      ['insert', { id: 1 }],
      ['update', { id: 1 }],
      ['insert', { id: 2 }],
      ['update', { id: 2 }],
      ['delete', { id: 1 }],
      ['insert', { id: 3 }],
    ],
  );
});

test('a table without a primary key has changes without a key', async () => {
  await audit(database.admin, 'keyless', 'create table keyless (name text unique not null)');
  await query(`insert into keyless values ('a'); update keyless set name = 'b'; delete from keyless`);
  const changes = await changesOf(database.admin, 'keyless');
  assert.deepEqual(
    changes.map(({ op, table_pk, table_pk_before }) => [op, table_pk, table_pk_before]),
    [
      ['insert', null, null],
      ['update', null, null],
      ['delete', null, null],
    ],
  );
});

test('columns that a primary key merely includes are no part of the key', async () => {
  await audit(
    database.admin,
    'including',
    'create table including (note text, id int, primary key (id) include (note))',
  );
  await query(`insert into including values ('n', 1)`);
  assert.deepEqual((await changesOf(database.admin, 'including'))[0]?.table_pk, { id: 1 });
});

test('a key of any length is recorded', async () => {
  await audit(database.admin, 'long_keys', 'create table long_keys (id text primary key)');
  await query(`insert into long_keys values (repeat('é', 1200)), (repeat('x', 2600))`);
  await query(`update long_keys set id = 'y' || id`);
  assert.equal((await changesOf(database.admin, 'long_keys')).length, 4);
});

test('the name recorded for a row of a partitioned table is that of the root, with the leaf beside it', async () => {
  await query(`create table journal (day int, entry text, primary key (day)) partition by range (day);
    create table journal_1 partition of journal for values from (0) to (10)`);
  await installTriggers(database.admin, { tables: ['journal'] });
  await query('create table journal_2 partition of journal for values from (10) to (20)');
  await query(
    `insert into journal values (1, 'a'); insert into journal_2 values (11, 'b'); update journal_1 set entry = 'c'`,
  );
  await query(
    'update journal set day = 12 where day = 1; alter table journal rename to diary; insert into diary values (2)',
  );
  assert.deepEqual(
    (await changesOf(database.admin, 'journal')).map(({ op, table_pk, partition_name }) => [
      op,
      table_pk,
      partition_name,
    ]),
    [
      ['insert', { day: 1 }, 'public.journal_1'],
      ['insert', { day: 11 }, 'public.journal_2'],
      ['update', { day: 1 }, 'public.journal_1'],
      ['delete', { day: 1 }, 'public.journal_1'],
      ['insert', { day: 12 }, 'public.journal_2'],
    ],
  );
  assert.deepEqual(
    (await changesOf(database.admin, 'diary')).map(({ table_pk }) => table_pk),
    [{ day: 2 }],
  );
});

test('rows of a transaction prepared for two-phase commit are recorded with the actor of their writing', async () => {
  await audit(database.admin, 'prepared', 'create table prepared (id int primary key)');
  await inTransaction(database.admin, async (client) => {
    await client.query(`select set_config('threadline.actor_ref', '${JSON.stringify(actor.user('2pc'))}', true)`);
    await client.query(`insert into prepared values (1)`);
    await client.query(`prepare transaction 'capture-2pc'`);
  });
  assert.equal((await changesOf(database.admin, 'prepared')).length, 0);
  await query(`commit prepared 'capture-2pc'`);
  const { rows } = await query(`select t.actor_ref from threadline.audit_changes c
    join threadline.audit_transactions t on t.id = c.transaction_id where c.table_name = 'prepared'`);
  assert.deepEqual(rows, [{ actor_ref: { type: 'user', id: '2pc' } }]);
});

test('what a procedure writes before and after a COMMIT of its own is in two audit transactions', async () => {
  await audit(database.admin, 'halves', 'create table halves (id int primary key)');
  await query(`create procedure in_halves() language plpgsql as $$ begin
    insert into halves values (1), (2); commit; insert into halves values (3); end $$`);
  await query('call in_halves()');
  const [first, second, third] = await changesOf(database.admin, 'halves');
  assert.equal(first?.transaction_id, second?.transaction_id);
  assert.notEqual(first?.transaction_id, third?.transaction_id);
});

test('under session_replication_role = replica nothing is recorded: it was where it was written', async () => {
  await audit(database.admin, 'replicated', 'create table replicated (id int primary key)');
  await query('begin; set local session_replication_role = replica; insert into replicated values (1); commit');
  assert.equal((await changesOf(database.admin, 'replicated')).length, 0);
});

test('a session that began while the log was empty does not read all of it for each row once it is large', async () => {
  const { admin } = await auditedDatabase();
  await audit(admin, 'long_lived', 'create table long_lived (id int primary key, n int)');
  const session = await admin.connect();
  try {
    const updates = `begin; ${'update long_lived set n = n + 1;'.repeat(20)}`;
    await session.query('vacuum analyze threadline.audit_transactions');
    await session.query(`insert into long_lived values (1, 0); ${updates} commit`);
    await admin.query(`insert into threadline.audit_transactions (xid, occurred_at, db_user)
      select pg_current_xact_id(), now(), 'another' from generate_series(1, 20000)`);
    await session.query(updates);
    const { rows } = await session.query(
      `select pg_stat_get_xact_tuples_returned('threadline.audit_transactions'::regclass)::int as read`,
    );
    assert.ok(rows[0].read < 100, `${rows[0].read} rows were read`);
  } finally {
    await session.query('rollback');
    session.release();
  }
});

test('concurrent SERIALIZABLE transactions that have nothing to do with each other do not fail for being audited', async () => {
  await audit(database.admin, 'serial', 'create table serial (id int primary key, n int)');
  await query('insert into serial select g, 0 from generate_series(1, 2000) g; analyze serial');
  const clients = await Promise.all([1, 2, 3, 4].map(() => database.admin.connect()));
  try {
    await Promise.all(clients.map((client) => client.query('begin isolation level serializable')));
    // Far apart, so that the rows share no page.
    for (const id of [1, 600, 1200, 1800]) {
      const client = clients[Math.floor(id / 600)];
      await client?.query('set local enable_seqscan = off');
      await client?.query(`update serial set n = n + 1 where id = ${id}`);
    }
    // The last to write commits first: the order in which a read that each makes of what the next one writes is fatal.
    for (const client of clients.toReversed()) await client.query('commit');
  } finally {
    for (const client of clients) client.release();
  }
  assert.equal((await changesOf(database.admin, 'serial')).filter((change) => change.op === 'update').length, 4);
});

test('an added column is compared at once, also in an update that changes other columns as well', async () => {
  await audit(database.admin, 'growing', 'create table growing (id int primary key, name text)');
  await query(`insert into growing values (1, 'a'); alter table growing add added text`);
  await query(`update growing set added = 'new'; update growing set added = 'newer', name = 'b'`);
  assert.deepEqual(
    (await changesOf(database.admin, 'growing')).map(({ changed_fields, changed_from }) => [
      changed_fields,
      changed_from,
    ]),
    [
      [null, null],
      [['added'], { added: null }],
      [['name', 'added'], { added: 'new', name: 'a' }],
    ],
  );
});

test('a change of columns never makes a write fail, and what it writes is recorded', async () => {
  await audit(database.admin, 'shifting', 'create table shifting (id int primary key, name text, age int, extra text)');
  const client = await database.admin.connect();
  try {
    await client.query(`insert into shifting values (1, 'a', 1, 'e'); update shifting set age = 2`);
    await client.query('alter table shifting alter age type numeric');
    await client.query('update shifting set age = 2.5');
    await client.query('alter table shifting drop extra');
    await client.query(
      `update shifting set name = 'b'; insert into shifting values (2, 'x', 0); delete from shifting where id = 2`,
    );
    await client.query('alter table shifting add added text');
    await client.query(`update shifting set added = 'new', name = 'c'`);
    await client.query('alter table shifting rename id to number');
    await client.query('update shifting set number = 7');
  } finally {
    client.release();
  }
  assert.deepEqual(
    (await changesOf(database.admin, 'shifting')).map((c) => [c.op, c.table_pk, c.table_pk_before, c.changed_from]),
    [
      ['insert', { id: 1 }, null, null],
      ['update', { id: 1 }, null, { age: 1 }],
      ['update', { id: 1 }, null, { age: 2 }],
      ['update', { id: 1 }, null, { name: 'a' }],
      ['insert', { id: 2 }, null, null],
      ['delete', { id: 2 }, null, { id: 2, name: 'x', age: 0 }],
      ['update', { id: 1 }, null, { added: null, name: 'b' }],
      ['update', { number: 7 }, { number: 1 }, { number: 1 }],
    ],
  );
  await installTriggers(database.admin, { tables: ['shifting'] });
  await query('truncate shifting; insert into shifting values (8)');
  await assertReplays(database.admin, 'shifting');
});

test('a column that becomes json, unnoticed by the event trigger, is recorded with documents that jsonb refuses', async () => {
  await audit(
    database.admin,
    'retyped',
    'create domain filled as text not null; create table retyped (id int primary key, doc text, note filled)',
  );
  await query(`insert into retyped values (1, '{}', '')`);
  await withoutEventTriggers(database.admin, () => query('alter table retyped alter doc type json using doc::json'));
  await query(`insert into retyped values (2, '"\\u0000"', '')`);
  assert.deepEqual(
    (await changesOf(database.admin, 'retyped')).map(({ data_after }) => data_after),
    [
      { id: 1, doc: '{}', note: '' },
      { id: 2, doc: '"\\u0000"', note: '' },
    ],
  );
});
