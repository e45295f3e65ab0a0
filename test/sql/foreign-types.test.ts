import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import pg from 'pg';
import { install, installTriggers } from '../../src/sql/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { assertReplays } from '../support/replay.ts';
import { changesOf, inTransaction, withoutEventTriggers } from './audited.ts';

/** A type whose owner has it turned into JSON, text and numbers by functions that note who runs them. */
const SPYING_TYPE = `
  create table spied (who text);
  grant insert on spied to public;
  create type mood as enum ('good', 'bad');
  create function spy(mood) returns json language plpgsql volatile as $$
    begin insert into public.spied values (current_user); return '"spied"'; end $$;
  create function spy_text(mood) returns text language plpgsql volatile as $$
    begin insert into public.spied values (current_user); return 'spied'; end $$;
  create function spy_int(mood) returns int language plpgsql volatile as $$
    begin insert into public.spied values (current_user); return 7; end $$;
  create cast (mood as json) with function spy(mood);
  create cast (mood as text) with function spy_text(mood) as assignment;
  create cast (mood as int) with function spy_int(mood) as assignment;`;

let database: TestDatabase;
let owner: pg.Pool;
let role: string;

before(async () => {
  database = await createTestDatabase();
  await install(database.admin);
  role = `owner_${database.name}`;
  await database.admin.query(`create role ${role} login; grant create on schema public to ${role}`);
  const url = new URL(database.url);
  owner = new pg.Pool({
    host: database.host,
    port: database.port,
    database: url.pathname.slice(1),
    user: role,
    max: 1,
  });
  await owner.query(SPYING_TYPE);
});

test.after(async () => {
  await owner.end();
  await database.admin.query(`drop owned by ${role} cascade; drop role ${role}`);
});

async function writeEverywhere(table: string): Promise<void> {
  await owner.query(`insert into ${table} (id, feeling) values (1, 'good'), (2, 'bad'), (3, null)`);
  await owner.query(`update ${table} set feeling = 'bad' where id = 1`);
  await owner.query(`delete from ${table} where id = 2`);
}

async function assertNobodySpied(table: string): Promise<void> {
  const { rows } = await database.admin.query('select who from spied where who <> $1', [role]);
  assert.deepEqual(rows, [], `${table}: code of the type's owner ran with the rights of others`);
  const changes = await changesOf(database.admin, table);
  assert.match(JSON.stringify(changes), /"feeling":"good"/);
  assert.equal(changes.length, 5);
}

test('the cast to json that a type of its owner has is not run with the rights of the log', async () => {
  await owner.query('create table felt (id int primary key, feeling mood)');
  await installTriggers(database.admin, { tables: ['felt'] });
  await writeEverywhere('felt');
  await assertNobodySpied('felt');
});

test('nor that of a type which a column is given after the installation, with or without the event trigger', async () => {
  for (const change of [
    (table: string) => `alter table ${table} add feeling mood`,
    (table: string) => `alter table ${table} add feeling text; alter table ${table} alter feeling type mood using null`,
    (table: string) =>
      `alter table ${table} rename other to feeling; alter table ${table} alter feeling type mood using null`,
  ])
    for (const follows of [true, false]) {
      const table = `felt_later_${Math.floor(Math.random() * 1e9)}`;
      await owner.query(`create table ${table} (id int primary key, other int)`);
      await installTriggers(database.admin, { tables: [table] });
      const changeAndWrite = async () => {
        await owner.query(change(table));
        await writeEverywhere(table);
        await assertNobodySpied(table);
      };
      await (follows ? changeAndWrite() : withoutEventTriggers(database.admin, changeAndWrite));
    }
});

test('nor where it is a key, an element or a member, nor by a baseline that a superuser has recorded', async () => {
  await owner.query(`create type felt_pair as (feeling mood, n int);
    create function spy_check(mood) returns boolean language plpgsql as $$
      begin insert into public.spied values (current_user); return true; end $$;
    create domain checked_mood as mood check (spy_check(value));
    create table feelings (feeling mood, other checked_mood, list mood[], pair felt_pair, primary key (feeling, other));
    create table only_feelings (feeling mood primary key)`);
  const write = (table: string, feeling: string) =>
    owner.query(
      table === 'feelings'
        ? `insert into feelings values ('${feeling}', 'good', '{good,null,bad}', row('bad', 1))`
        : `insert into only_feelings values ('${feeling}')`,
    );
  for (const table of ['feelings', 'only_feelings']) {
    await write(table, 'good');
    await installTriggers(database.admin, { tables: [table], baseline: true });
    await write(table, 'bad');
    await owner.query(`delete from ${table} where feeling = 'good'`);
    const { rows } = await database.admin.query('select who from spied where who <> $1', [role]);
    assert.deepEqual(rows, [], table);
    assert.doesNotMatch(JSON.stringify(await changesOf(database.admin, table)), /spied/);
    assert.equal((await changesOf(database.admin, table)).length, 3);
  }
  const [, inserted] = await changesOf(database.admin, 'feelings');
  assert.deepEqual(inserted?.table_pk, { feeling: 'bad', other: 'good' });
  assert.deepEqual(inserted?.data_after, {
    feeling: 'bad',
    other: 'good',
    list: ['good', null, 'bad'],
    pair: '(bad,1)',
  });
});

test('enums and domains of such a role take the way of every other type, which is many times faster', async () => {
  await owner.query(`create type weather as enum ('sun', 'rain', 'a "quoted", {one}');
    create domain degrees as numeric(4, 1) check (value > -273);
    create table days (id int primary key, seen weather, list weather[], at degrees, doc json)`);
  await owner.query('create table hours (id int primary key, seen weather, list weather[], at degrees)');
  for (const table of ['days', 'hours']) {
    await installTriggers(database.admin, { tables: [table] });
    const calls = await inTransaction(database.admin, async (client) => {
      await client.query(`set local track_functions = 'all'`);
      await client.query(
        `insert into ${table} values (1, 'sun', array[['sun', null], ['rain', 'a "quoted", {one}']]::weather[], 20.5)`,
      );
      await client.query(`insert into ${table} values (2, 'rain', '{}', null), (3, null, null, 1)`);
      await client.query(`update ${table} set seen = 'a "quoted", {one}', list = '{rain}' where id = 1`);
      await client.query(`delete from ${table} where id = 2`);
      const { rows } = await client.query(
        `select funcname from pg_stat_xact_user_functions where funcname in ('row_image', 'compare_images')`,
      );
      return rows;
    });
    assert.deepEqual(calls, []);
    await assertReplays(database.admin, table);
    const [first] = await changesOf(database.admin, table);
    assert.deepEqual(Object(first?.data_after).list, [
      ['sun', null],
      ['rain', 'a "quoted", {one}'],
    ]);
  }
});

test('a table of a role that is not trusted is captured like any other', async () => {
  await owner.query('create table ordinary (id int primary key, name text, at timestamptz, list int[], doc jsonb)');
  await installTriggers(database.admin, { tables: ['ordinary'] });
  await owner.query(`insert into ordinary values (1, 'a', now(), '{1}', '{}'), (2, 'b', now(), '{2}', '[]')`);
  await owner.query(`update ordinary set name = 'c', list = null where id = 1`);
  await owner.query('delete from ordinary where id = 2');
  await assertReplays(database.admin, 'ordinary');
  assert.deepEqual(
    (await changesOf(database.admin, 'ordinary')).map(({ op, changed_fields }) => [op, changed_fields]),
    [
      ['insert', null],
      ['insert', null],
      ['update', ['name', 'list']],
      ['delete', null],
    ],
  );
});
