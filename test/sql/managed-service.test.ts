import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { actor, history, recordAction, runWithActor, verify } from '../../src/index.ts';
import { install, installTriggers, uninstallTriggers } from '../../src/sql/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { catalogOf } from './catalog.ts';
import { createRole, type TestRole } from './roles.ts';

// As on a managed service: the owner of the database is no superuser, and nobody who works here is one.
let database: TestDatabase;
let owner: TestRole;
let app: TestRole;
let analyst: TestRole;

before(async () => {
  database = await createTestDatabase();
  owner = await createRole(database, 'database owner');
  app = await createRole(database, 'app');
  analyst = await createRole(database, 'analyst');
  await database.admin.query(`alter database ${database.name} owner to ${pg.escapeIdentifier(owner.name)};
    grant create on schema public to ${pg.escapeIdentifier(owner.name)}`);
});
after(async () => {
  await database.admin.query(`alter database ${database.name} owner to current_user`);
  for (const role of [owner, app, analyst]) await role.remove();
});

test('the owner of a database who is no superuser installs, and is told what is missing', async () => {
  const { schema, notices } = await install(owner.pool, { readers: [analyst.name], writers: [app.name] });
  assert.equal(schema, 'threadline');
  assert.deepEqual(
    notices.map(({ code }) => code),
    ['no_event_trigger'],
  );
  for (const { message, remedy } of notices) assert.ok(message.length > 20 && remedy.length > 20);
  const catalog = await catalogOf(database.admin);
  await install(owner.pool, { readers: [analyst.name], writers: [app.name] });
  assert.deepEqual(await catalogOf(database.admin), catalog);
});

test('he audits his tables, the application writes, and the analyst reads', async () => {
  await owner.pool.query(`create table users (id int primary key, name text);
    grant all on users to ${pg.escapeIdentifier(app.name)}; grant select on users to ${pg.escapeIdentifier(analyst.name)}`);
  await installTriggers(owner.pool, { tables: ['users'] });
  await runWithActor(actor.user('ada'), async () => {
    const client = await app.pool.connect();
    await client.query(
      `begin; insert into users values (1, 'Ada'); update users set name = 'Grace'; delete from users`,
    );
    await recordAction(client, 'users.tried');
    await client.query('commit');
    client.release();
  });
  const changes = await history(analyst.pool, { table: 'users', pk: 1 });
  assert.deepEqual(
    changes.map(({ op, transaction }) => [op, transaction.action?.name]),
    ['delete', 'update', 'insert'].map((op) => [op, 'users.tried']),
  );
});

test('his installation verifies without findings, and says that no event trigger follows it', async () => {
  const { ok, eventTrigger, findings, tables } = await verify(owner.pool, { probe: true });
  assert.deepEqual(findings, []);
  assert.deepEqual([ok, eventTrigger], [true, false]);
  assert.deepEqual(tables, [{ table: 'public.users', state: 'covered', options: {}, probe: 'empty' }]);
});

test('a change of columns loses nothing, is reported as drift, and is mended by auditing the table again', async () => {
  await owner.pool.query('alter table users add age int, drop name');
  await app.pool.query('insert into users values (2, 40); update users set age = 41 where id = 2');
  const changes = await history(analyst.pool, { table: 'users', pk: 2 });
  assert.deepEqual(
    changes.map(({ op, changedFields, after }) => [op, changedFields, after]),
    [
      ['update', ['age'], { id: 2, age: 41 }],
      ['insert', [], { id: 2, age: 40 }],
    ],
  );
  assert.deepEqual((await verify(owner.pool)).tables, [{ table: 'public.users', state: 'drifted', options: {} }]);
  await installTriggers(owner.pool, { tables: ['users'] });
  assert.equal((await verify(owner.pool, { probe: true })).tables[0]?.probe, 'captured');
});

test('an event trigger that somebody with more rights sets up is noticed, unless it is disabled', async () => {
  await database.admin.query('select threadline.install_event_trigger()');
  assert.deepEqual((await install(owner.pool)).notices, []);
  assert.equal((await verify(owner.pool)).eventTrigger, true);
  await database.admin.query('alter event trigger threadline disable');
  assert.equal((await verify(owner.pool)).eventTrigger, false);
  await database.admin.query('drop event trigger threadline');
});

test('the log is append-only to him, and he deletes from it in the one way that there is', async () => {
  await assert.rejects(owner.pool.query('delete from threadline.audit_changes'), { code: 'TL040' });
  const { rows } = await owner.pool.query('select threadline.delete_changes(clock_timestamp()) > 0 as has_deleted');
  assert.deepEqual(rows, [{ has_deleted: true }]);
  assert.deepEqual(await history(analyst.pool, { table: 'users', pk: 2 }), []);
});

test('a superuser verifies and updates what he installed, and it stays his', async () => {
  await database.admin.query(
    `create or replace function threadline.functions_digest() returns text language sql immutable as 'select ''old''::text';
     drop function threadline.open_transaction`,
  );
  await install(database.admin);
  await installTriggers(database.admin, { tables: ['users'] });
  assert.deepEqual((await verify(database.admin)).findings, []);
  await app.pool.query('insert into users values (3, 1)');
  assert.equal((await history(analyst.pool, { table: 'users', pk: 3 })).length, 1);
});

test('a table of somebody else is not his to audit, but he stops auditing his own', async () => {
  await database.admin.query('create table foreign_to_him (id int primary key)');
  await assert.rejects(installTriggers(owner.pool, { tables: ['foreign_to_him'] }), { code: '42501' });
  await uninstallTriggers(owner.pool, { tables: ['users'] });
  assert.equal((await verify(owner.pool, { tables: ['users'] })).tables[0]?.state, 'uncovered');
});
