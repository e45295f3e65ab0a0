import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { actor, history, recordAction, runWithActor, timeline } from '../../src/index.ts';
import { install, installSql, installTriggers } from '../../src/sql/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { catalogOf } from './catalog.ts';
import { createRole, type TestRole } from './roles.ts';

let database: TestDatabase;
let reader: TestRole;
let writer: TestRole;

before(async () => {
  database = await createTestDatabase();
  reader = await createRole(database, 'Reader "one"');
  writer = await createRole(database, 'writer');
  await install(database.admin, { readers: [reader.name], writers: [writer.name] });
  await database.admin.query(
    `create table users (id int primary key, name text); grant all on users to ${pg.escapeIdentifier(writer.name)}`,
  );
  await installTriggers(database.admin, { tables: ['users'] });
});
after(async () => {
  for (const role of [reader, writer]) await role.remove();
});

const DENIED = { code: '42501' };

/** The grants in the schema to others than its owner: what is granted on how many objects. */
async function grantsOf(role: string): Promise<readonly string[]> {
  const { rows } = await database.admin.query(
    `select distinct o.kind || ' ' || o.name || ' ' || a.privilege_type as granted from (
       select 'schema', nspname::text, nspacl from pg_namespace where nspname = 'threadline'
       union all select 'relation', relname, relacl from pg_class where relnamespace = 'threadline'::regnamespace
       union all select 'function', proname, proacl from pg_proc where pronamespace = 'threadline'::regnamespace
     ) o (kind, name, acl), aclexplode(o.acl) a where a.grantee = (select oid from pg_roles where rolname = $1) order by 1`,
    [role],
  );
  return rows.map(({ granted }) => granted);
}

test('a writer may record actions, and sees nothing of the log', async () => {
  assert.deepEqual(await grantsOf(writer.name), [
    'function jsonb_or_null EXECUTE',
    'function record_action EXECUTE',
    'schema threadline USAGE',
  ]);
  const client = await writer.pool.connect();
  try {
    await client.query('begin');
    await client.query(`insert into users values (1, 'Ada')`);
    await runWithActor(actor.user('ada'), () => recordAction(client, 'user.created'));
    await client.query('commit');
  } finally {
    client.release();
  }
  const { rows } = await database.admin.query(
    `select c.op, a.name, t.db_user from threadline.audit_changes c join threadline.audit_transactions t on t.id = c.transaction_id
     join threadline.audit_actions a on a.id = t.action_id where c.table_name = 'users'`,
  );
  assert.deepEqual(rows, [{ op: 'insert', name: 'user.created', db_user: writer.name }]);
  for (const relation of ['audit_changes', 'audit_transactions', 'audit_actions', 'audited_tables', 'migrations'])
    await assert.rejects(writer.pool.query(`select from threadline.${relation}`), DENIED, relation);
});

test('a reader reads the log by every function, and records nothing', async () => {
  await database.admin.query(
    `insert into users values (2, 'Grace'); grant select on users to ${pg.escapeIdentifier(reader.name)}`,
  );
  assert.equal((await timeline(reader.pool, { table: 'users' })).length, 2);
  assert.equal((await history(reader.pool, { table: 'users', pk: 2 })).length, 1);
  assert.equal((await reader.pool.query(`select * from threadline.replay('users')`)).rowCount, 2);
  assert.equal((await reader.pool.query('select * from threadline.audited_tables')).rowCount, 1);
  await assert.rejects(recordAction(reader.pool, 'user.created'), DENIED);
});

test('a reader can change nothing, and lock neither rows nor tables against those who write', async () => {
  for (const table of ['audit_changes', 'audit_transactions', 'audit_actions', 'migrations'])
    for (const statement of [
      `insert into threadline.${table} default values`,
      `delete from threadline.${table}`,
      `truncate threadline.${table}`,
      `select from threadline.${table} for update`,
      `select from threadline.${table} for key share`,
      `begin; lock threadline.${table} in row exclusive mode`,
      `begin; lock threadline.${table} in share mode`,
    ]) {
      const client = await reader.pool.connect();
      await assert.rejects(client.query(statement), DENIED, statement);
      await client.query('rollback');
      client.release();
    }
  await assert.rejects(reader.pool.query(`select nextval('threadline.audit_changes_id_seq')`), DENIED);
  await assert.rejects(reader.pool.query('select threadline.delete_changes(now())'), DENIED);
});

test('installing again with the same roles changes nothing in the catalog', async () => {
  const catalog = await catalogOf(database.admin);
  await install(database.admin, { readers: [reader.name, reader.name], writers: [writer.name] });
  assert.deepEqual(await catalogOf(database.admin), catalog);
});

test('installing again without roles leaves the grants alone, and so does an update of the functions', async () => {
  const before = [await grantsOf(reader.name), await grantsOf(writer.name)];
  assert.ok(before[0]?.includes('relation audit_changes SELECT'));
  await install(database.admin);
  await database.admin.query(
    `create or replace function threadline.functions_digest() returns text language sql immutable as 'select ''old''::text'`,
  );
  await install(database.admin);
  assert.deepEqual([await grantsOf(reader.name), await grantsOf(writer.name)], before);
});

test('an update of the functions takes back what was granted of those that are internal, and all that PUBLIC would get', async () => {
  const role = pg.escapeIdentifier(writer.name);
  await database.admin.query(`
    grant execute on function threadline.open_transaction to ${role};
    drop function threadline.replay;
    create or replace function threadline.functions_digest() returns text language sql immutable as 'select ''old''::text'`);
  await install(database.admin);
  const { rows } = await database.admin.query(
    `select proname from pg_proc where pronamespace = 'threadline'::regnamespace and has_function_privilege($1, oid, 'EXECUTE') order by 1`,
    [writer.name],
  );
  assert.deepEqual(rows, [{ proname: 'jsonb_or_null' }, { proname: 'record_action' }]);
});

for (const [options, missing] of [
  [{ readers: ['no such role'] }, /"no such role"/],
  [{ writers: ['public'] }, /public/],
  [{ readers: ['PG_MONITOR'] }, /"PG_MONITOR"/],
] as const) {
  test(`a role that does not exist is refused by its name before anything changes: ${JSON.stringify(options)}`, async () => {
    const { admin } = await createTestDatabase();
    const before = await catalogOf(admin);
    await assert.rejects(install(admin, options), { code: 'TL_ROLE_NOT_FOUND', message: missing });
    await assert.rejects(admin.query(installSql(options)), { code: 'TL042' });
    assert.deepEqual(await catalogOf(admin), before);
  });
}

for (const name of ['', 'a\u0000b', 'x'.repeat(64), '$threadline$; drop table users; $threadline$']) {
  test(`a role named ${JSON.stringify(name)} is refused before anything is sent`, () => {
    for (const options of [{ readers: [name] }, { writers: [name] }])
      assert.throws(() => installSql(options), { code: 'TL_INSTALL_OPTIONS_INVALID' });
  });
}

test('roles of any name get what they are to get', async () => {
  const names = [`it's`, 'quo"te', 'back\\slash', 'threadline_schema', 'select', 'current_user', 'ünï 😀'];
  const created: string[] = [];
  try {
    for (const name of names) {
      await database.admin.query(`create role ${pg.escapeIdentifier(name)}`);
      created.push(name);
    }
    await install(database.admin, { readers: names, writers: names });
    for (const name of names) {
      const { rows } = await database.admin.query(
        `select has_table_privilege($1, 'threadline.audit_changes', 'SELECT') and has_function_privilege($1, p.oid, 'EXECUTE') as may
         from pg_proc p where p.proname = 'record_action'`,
        [name],
      );
      assert.deepEqual(rows, [{ may: true }], name);
    }
  } finally {
    for (const name of created) {
      const quoted = pg.escapeIdentifier(name);
      await database.admin.query(`drop owned by ${quoted}; drop role ${quoted}`);
    }
  }
});
