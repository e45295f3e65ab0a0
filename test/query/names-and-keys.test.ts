import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type pg from 'pg';
import { history, type RowKey } from '../../src/query/index.ts';
import { installTriggers } from '../../src/sql/index.ts';
import { auditedDatabase } from './audited-database.ts';

let pool: pg.Pool;

before(async () => {
  pool = (await auditedDatabase('create table things (id int primary key)', ['things'])).admin;
  await pool.query('insert into things values (1); delete from things');
});

/** Makes a table, audits it, and writes to it. */
async function record(table: string, ddl: string, ...writes: readonly string[]): Promise<void> {
  await pool.query(ddl);
  await installTriggers(pool, { tables: [table] });
  for (const text of writes) await pool.query(text);
}

const ops = async (db: pg.Pool | pg.PoolClient, table: string, pk: RowKey) =>
  (await history(db, { table, pk })).map(({ op }) => op);

test('neither a view, a temporary table nor a table of another schema on the search path is taken for a table that was named', async () => {
  await record(
    'app.things',
    'create schema app; create table app.things (id int primary key)',
    'insert into app.things values (1)',
  );
  await pool.query('create schema shadow; create view shadow.things as select 1 as id');
  const client = await pool.connect();
  try {
    await client.query('set search_path = shadow, public');
    assert.deepEqual(await ops(client, 'things', 1), ['delete', 'insert']);
    await client.query('set search_path = app');
    assert.deepEqual(await ops(client, 'things', 1), ['insert']);
    assert.deepEqual(await ops(client, 'public.things', 1), ['delete', 'insert']);
    await client.query('set search_path = public; create temp table things (id text primary key)');
    assert.deepEqual(await ops(client, 'things', 1), ['delete', 'insert']);
  } finally {
    client.release(true);
  }
});

test('a key of a domain over char(n), of a type with an odd name, and one with columns that it only includes are found', async () => {
  await record(
    'padded',
    'create domain code as char(5); create table padded (k code primary key)',
    `insert into padded values ('ab')`,
  );
  assert.deepEqual(await ops(pool, 'padded', 'ab'), ['insert']);
  await record(
    'felt',
    `create type "Odd Mood" as enum ('good'); create table felt (k "Odd Mood" primary key)`,
    `insert into felt values ('good')`,
  );
  assert.deepEqual(await ops(pool, 'felt', 'good'), ['insert']);
  await record(
    'covering',
    'create table covering (id int, note text, primary key (id) include (note))',
    `insert into covering values (1, 'x')`,
  );
  assert.deepEqual(await ops(pool, 'covering', 1), ['insert']);
  await assert.rejects(ops(pool, 'covering', { id: 1, note: 'x' }), { code: 'TL_KEY_MISMATCH' });
});

test('the key that a table had last is known when the table is gone, and so is the one it had first', async () => {
  await record('rekeyed', 'create table rekeyed (id int primary key)', 'insert into rekeyed values (1)');
  await pool.query('alter table rekeyed rename id to code; delete from rekeyed; drop table rekeyed');
  assert.deepEqual(await ops(pool, 'rekeyed', { code: 1 }), ['delete']);
  assert.deepEqual(await ops(pool, 'rekeyed', { id: 1 }), ['insert']);
  await assert.rejects(ops(pool, 'rekeyed', { other: 1 }), /The key of "public"."rekeyed" is code/);
});

test('a refused key is told the columns of the key also where nothing was recorded, and that there is none', async () => {
  await record('unwritten', 'create table unwritten (a int, b int, primary key (a, b)); create table keyless (n int)');
  await assert.rejects(ops(pool, 'unwritten', { a: 1 }), /The key of "public"."unwritten" is a, b/);
  await assert.rejects(ops(pool, 'unwritten', 'x'), { code: 'TL_KEY_MISMATCH' });
  await assert.rejects(ops(pool, 'keyless', {}), { code: 'TL_KEY_MISMATCH' });
});

test('the history of a row is none of a row of the same key in the table that had the name before', async () => {
  await record('taken', 'create table taken (id int primary key)', 'insert into taken values (1)');
  await pool.query('alter table taken rename to moved_on');
  await record(
    'taken',
    'create table taken (id int primary key)',
    'insert into taken values (1)',
    'update taken set id = 1',
  );
  assert.deepEqual(await ops(pool, 'taken', 1), ['insert']);
  assert.deepEqual(await ops(pool, 'moved_on', 1), ['insert']);
  await pool.query('delete from moved_on');
  assert.deepEqual(await ops(pool, 'taken', 1), ['insert']);
  assert.deepEqual(await ops(pool, 'moved_on', 1), ['delete', 'insert']);
});

test('one statement is enough for a key of type varchar', async () => {
  await record('named', 'create table named (k varchar primary key)', `insert into named values ('a')`);
  const sent: string[] = [];
  const counting = {
    query: (text: string, values?: never[]) => {
      sent.push(text);
      return pool.query(text, values);
    },
  };
  // What moved away from the same key in another table is no reason to look closer.
  await record(
    'namesake',
    'create table namesake (k varchar primary key)',
    `insert into namesake values ('a')`,
    `update namesake set k = 'b'`,
  );
  assert.equal((await history(counting, { table: 'named', pk: 'a' })).length, 1);
  assert.equal(sent.length, 1);
});
