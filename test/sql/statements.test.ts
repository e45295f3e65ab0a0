import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type pg from 'pg';
import { installTriggers } from '../../src/sql/index.ts';
import { assertReplays } from '../support/replay.ts';
import { audit, auditedDatabase, changesOf, inTransaction, withoutEventTriggers } from './audited.ts';

let pool: pg.Pool;

before(async () => {
  pool = (await auditedDatabase()).admin;
});

/** Whether the inserts of a table are captured by the statement. */
async function isByStatement(table: string): Promise<boolean> {
  const { rows } = await pool.query(
    `select bool_or(tgname = '00_threadline_insert') as answer from pg_trigger where tgrelid = $1::regclass`,
    [table],
  );
  return rows[0].answer;
}

test('the rows of one statement are recorded one change each, in their order, in one transaction', async () => {
  await audit(pool, 'many', 'create table many (id int primary key, n int)');
  assert.equal(await isByStatement('many'), true);
  await pool.query('insert into many select n, n from generate_series(1, 1000) n');
  await pool.query('delete from many where id % 2 = 0');
  const changes = await changesOf(pool, 'many');
  assert.deepEqual(
    changes.map(({ table_pk }) => (table_pk as { id: number }).id),
    [...Array.from({ length: 1000 }, (_, n) => n + 1), ...Array.from({ length: 500 }, (_, n) => 2 * n + 2)],
  );
  assert.equal(new Set(changes.map(({ transaction_id }) => transaction_id)).size, 2);
  await assertReplays(pool, 'many');
});

test('a statement that touches no row leaves nothing behind', async () => {
  await audit(pool, 'untouched', 'create table untouched (id int primary key)');
  const count = async () =>
    (await pool.query('select count(*)::int as n from threadline.audit_transactions')).rows[0].n;
  const before = await count();
  await pool.query('delete from untouched');
  await pool.query('insert into untouched select 1 where false');
  assert.equal(await count(), before);
});

test('a write by a trigger of the user about the row that fired it is recorded after that row', async () => {
  await audit(
    pool,
    'stamped',
    `create table stamped (id int primary key, path text);
     create function stamp() returns trigger language plpgsql as $$
     begin update stamped set path = 'p' || new.id where id = new.id; return null; end $$;
     create trigger stamp after insert on stamped for each row execute function stamp()`,
  );
  assert.equal(await isByStatement('stamped'), false);
  await pool.query('insert into stamped values (1), (2)');
  assert.deepEqual(
    (await changesOf(pool, 'stamped')).map(({ op, table_pk }) => [op, table_pk]),
    [
      ['insert', { id: 1 }],
      ['update', { id: 1 }],
      ['insert', { id: 2 }],
      ['update', { id: 2 }],
    ],
  );
  await assertReplays(pool, 'stamped');
});

test('a table whose foreign key leads to itself is recorded in the order of what happened', async () => {
  await audit(pool, 'nodes', 'create table nodes (id int primary key, parent int references nodes on delete cascade)');
  assert.equal(await isByStatement('nodes'), false);
  await pool.query('insert into nodes values (1, null), (2, 1), (3, 2)');
  await pool.query('delete from nodes where id = 1');
  assert.deepEqual(
    (await changesOf(pool, 'nodes')).slice(3).map(({ table_pk }) => table_pk),
    [{ id: 1 }, { id: 2 }, { id: 3 }],
  );
  await assertReplays(pool, 'nodes');
});

test('a delete that cascades is recorded on every table that it reaches, however many statements that takes', async () => {
  await audit(pool, 'owners', 'create table owners (id int primary key)');
  await audit(pool, 'pets', 'create table pets (id int primary key, owner int references owners on delete cascade)');
  await pool.query('insert into owners select generate_series(1, 5)');
  await pool.query('insert into pets select n, 1 + n % 5 from generate_series(1, 50) n');
  await pool.query('delete from owners where id <= 3');
  assert.equal((await changesOf(pool, 'pets')).filter(({ op }) => op === 'delete').length, 30);
  for (const table of ['owners', 'pets']) await assertReplays(pool, table);
});

test('a key that leaves and comes back in one statement is recorded in that order', async () => {
  await audit(pool, 'returning_keys', 'create table returning_keys (id int primary key, n int)');
  await pool.query('insert into returning_keys values (1, 1), (2, 2)');
  await pool.query(
    'with gone as (delete from returning_keys returning *) insert into returning_keys select id, n + 1 from gone',
  );
  assert.deepEqual(
    (await changesOf(pool, 'returning_keys')).slice(2).map(({ op }) => op),
    ['delete', 'delete', 'insert', 'insert'],
  );
  await assertReplays(pool, 'returning_keys');
});

test('both arms of an upsert are recorded, each row once', async () => {
  await audit(pool, 'upserted', 'create table upserted (id int primary key, n int)');
  await pool.query('insert into upserted values (1, 0)');
  await pool.query(
    'insert into upserted select n, n from generate_series(1, 3) n on conflict (id) do update set n = excluded.n',
  );
  assert.deepEqual(
    (await changesOf(pool, 'upserted'))
      .slice(1)
      .map(({ op, table_pk }) => `${op} ${JSON.stringify(table_pk)}`)
      .sort(),
    ['insert {"id":2}', 'insert {"id":3}', 'update {"id":1}'],
  );
  await assertReplays(pool, 'upserted');
});

for (const [what, ddl, attach] of [
  [
    'a partition',
    'create table whole (id int primary key, n int) partition by range (id)',
    'alter table whole attach partition lone for values from (0) to (1000)',
  ],
  ['a child', 'create table whole (id int primary key, n int)', 'alter table lone inherit whole'],
] as const)
  test(`a table captured by the statement is not made ${what} of another, whose statements it would not see`, async () => {
    await pool.query('drop table if exists whole, lone');
    await pool.query(ddl);
    await audit(pool, 'lone', 'create table lone (id int primary key, n int)');
    await assert.rejects(pool.query(attach), /00_threadline_unattached/);
  });

test('what a statement on a parent does to its children is recorded there', async () => {
  await pool.query(`
    create table base (id int primary key, n int);
    create table derived (extra text, primary key (id)) inherits (base)`);
  await installTriggers(pool, { tables: ['base', 'derived'] });
  await pool.query('insert into base values (1, 1)');
  await pool.query(`insert into derived values (2, 2, 'x')`);
  await pool.query('update base set n = n + 1');
  await pool.query('delete from base');
  assert.deepEqual(
    (await changesOf(pool, 'derived')).map(({ op }) => op),
    ['insert', 'update', 'delete'],
  );
  assert.deepEqual(
    (await changesOf(pool, 'base')).map(({ op }) => op),
    ['insert', 'update', 'delete'],
  );
});

test('nor is it recorded under both names where a child is made and audited later, and nothing follows', async () => {
  await audit(pool, 'first_base', 'create table first_base (id int primary key, n int)');
  await withoutEventTriggers(pool, () =>
    audit(
      pool,
      'far_derived',
      `create table near_derived (primary key (id)) inherits (first_base);
       create table far_derived (primary key (id)) inherits (near_derived)`,
    ),
  );
  await pool.query('insert into first_base values (1, 1); insert into far_derived values (2, 2)');
  await pool.query('update first_base set n = n + 1; delete from first_base');
  for (const [table, id] of [
    ['first_base', 1],
    ['far_derived', 2],
  ] as const)
    assert.deepEqual(
      (await changesOf(pool, table)).map(({ op, table_pk }) => [op, table_pk]),
      [
        ['insert', { id }],
        ['update', { id }],
        ['delete', { id }],
      ],
    );
});

test('a trigger that the user adds later has the table captured row by row from the next installTriggers on', async () => {
  await audit(pool, 'later', 'create table later (id int primary key, n int)');
  assert.equal(await isByStatement('later'), true);
  await pool.query(`create function nothing() returns trigger language plpgsql as 'begin return null; end'`);
  await pool.query('create trigger own after insert on later for each row execute function nothing()');
  await installTriggers(pool, { tables: ['later'] });
  assert.equal(await isByStatement('later'), false);
  await pool.query('insert into later values (1), (2)');
  await pool.query('drop trigger own on later');
  await installTriggers(pool, { tables: ['later'] });
  assert.equal(await isByStatement('later'), true);
  await pool.query('delete from later');
  await assertReplays(pool, 'later');
});

test('one row that cannot become JSON as it is holds up no other, nor the statement', async () => {
  await audit(pool, 'odd_documents', 'create table odd_documents (id int primary key, document text)');
  assert.equal(await isByStatement('odd_documents'), true);
  await pool.query(`alter table odd_documents alter document type json using '"a"'::json`);
  await pool.query(String.raw`insert into odd_documents values (1, '"\u0000"')`);
  await installTriggers(pool, { tables: ['odd_documents'] });
  assert.equal(await isByStatement('odd_documents'), false);
  await pool.query(String.raw`insert into odd_documents values (2, '{}'), (3, '"\u0000"'), (4, '[]')`);
  assert.equal((await changesOf(pool, 'odd_documents')).length, 4);
});

test('a statement is recorded under the context that is in force when it ends, as its rows would be', async () => {
  await audit(pool, 'contexts', 'create table contexts (id int primary key)');
  await inTransaction(pool, async (client) => {
    for (const id of [1, 2, 1]) {
      await client.query(`select set_config('threadline.actor_ref', $1, true)`, [`{"type":"user","id":"${id}"}`]);
      await client.query('insert into contexts select coalesce(max(id), 0) + 1 from contexts');
    }
  });
  const { rows } = await pool.query(
    `select t.actor_ref ->> 'id' as actor from threadline.audit_changes c join threadline.audit_transactions t
     on t.id = c.transaction_id where c.table_name = 'contexts' order by c.id`,
  );
  assert.deepEqual(
    rows.map(({ actor }) => actor),
    ['1', '2', '1'],
  );
});
