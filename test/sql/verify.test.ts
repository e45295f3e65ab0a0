import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { PGlite } from '@electric-sql/pglite';
import knex from 'knex';
import pg from 'pg';
import postgres from 'postgres';
import { type Database, type Finding, installTriggers, verify } from '../../src/index.ts';
import { install } from '../../src/sql/index.ts';
import { FINDING_CODES } from '../../src/sql/verify.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { auditedDatabase, inTransaction } from './audited.ts';
import { catalogOf } from './catalog.ts';
import { onConnection } from './installing.ts';
import { createRole, type TestRole } from './roles.ts';

let database: TestDatabase;
let role: TestRole;
let quoted: string;

const query = (text: string, values?: unknown[]) => database.admin.query(text, values);

before(async () => {
  database = await auditedDatabase();
  role = await createRole(database, 'somebody');
  quoted = pg.escapeIdentifier(role.name);
  await query(`
    create table users (id int primary key, name text not null check (name <> ''), at timestamptz default now());
    create table parts (id int primary key, n int) partition by range (id);
    create table parts_1 partition of parts for values from (0) to (10);
    create table parts_2 partition of parts default;
    create table unwatched (id int);
    insert into users values (1, 'Ada'); insert into parts values (1, 1), (11, 1)`);
  // It would mend what these tests break.
  await query('alter event trigger threadline disable');
  await installTriggers(database.admin, { tables: ['users', 'parts'] });
});
after(() => role.remove());

async function findings(tables?: readonly string[]): Promise<readonly Finding[]> {
  return (await verify(database.admin, { tables })).findings;
}

test('a sound installation has no findings, and each table of a user has its state', async () => {
  const { rows } = await query(`select current_setting('server_version_num')::int / 10000 as major`);
  assert.ok(rows[0].major >= 14);
  assert.deepEqual(await verify(database.admin), {
    schema: 'threadline',
    version: 1,
    ok: true,
    eventTrigger: false,
    tables: [
      { table: 'public.parts', state: 'covered', options: {} },
      { table: 'public.unwatched', state: 'uncovered', options: null },
      { table: 'public.users', state: 'covered', options: {} },
    ],
    findings: [],
  });
  assert.deepEqual((await query('select * from threadline.verify()')).rows, []);
});

/** What is broken how, and what has to be found. A remedy that is a statement has to mend it. */
const BROKEN: readonly (readonly [what: string, ddl: () => string, code: Finding['code'], about: RegExp])[] = [
  ['a trigger that is disabled', () => 'alter table users disable trigger user', 'table_disabled', /public\.users/],
  [
    'a trigger for replicas only',
    () => 'alter table users enable replica trigger "00_threadline_update"',
    'table_disabled',
    /00_threadline_update/,
  ],
  [
    'a trigger that is disabled on one partition',
    () => 'alter table parts_1 disable trigger user',
    'table_disabled',
    /public\.parts_1/,
  ],
  [
    'a trigger that was dropped',
    () => 'drop trigger "00_threadline_change" on parts',
    'table_drifted',
    /00_threadline_change/,
  ],
  [
    'a partition whose TRUNCATE is not seen',
    () => 'drop trigger "00_threadline_truncate" on parts_2',
    'table_drifted',
    /parts_2/,
  ],
  [
    'a partition that came later',
    () => `create table parts_3 partition of parts for values from (100) to (110)`,
    'table_drifted',
    /parts_3/,
  ],
  [
    'a trigger with other options',
    () =>
      `create or replace trigger "00_threadline_delete" after delete on users for each row execute function threadline.capture_public_users('{"x":1}')`,
    'table_drifted',
    /00_threadline_delete/,
  ],
  ['a column that was added', () => 'alter table users add age int', 'table_drifted', /capture_public_users/],
  ['a column that was renamed', () => 'alter table users rename age to years', 'table_drifted', /capture_public_users/],
  [
    'a capture function that was replaced',
    () =>
      `create or replace function threadline.capture_public_users() returns trigger language plpgsql security definer as 'begin return null; end'`,
    'table_drifted',
    /capture_public_users/,
  ],
  [
    'a capture function without the rights of the owner',
    () => 'alter function threadline.capture_public_users() security invoker',
    'table_drifted',
    /capture_public_users/,
  ],
  [
    'a capture function with another search path',
    () => 'alter function threadline.capture_public_users() set search_path = public',
    'table_drifted',
    /capture_public_users/,
  ],
  [
    'a guard that is disabled',
    () => 'alter table threadline.audit_changes disable trigger append_only',
    'log_unguarded',
    /audit_changes/,
  ],
  [
    'a guard that was dropped',
    () => 'drop trigger append_only_but_action on threadline.audit_transactions',
    'log_unguarded',
    /audit_transactions/,
  ],
  [
    'a trigger of somebody else on the log',
    () =>
      'create trigger mine before update on threadline.audit_changes for each row execute function suppress_redundant_updates_trigger()',
    'log_interfered',
    /mine/,
  ],
  [
    'a rule on the log',
    () => 'create rule nothing as on insert to threadline.audit_changes do instead nothing',
    'log_interfered',
    /nothing/,
  ],
  ...['insert', 'update', 'delete', 'truncate', 'trigger', 'references'].map(
    (right) =>
      [
        `the right to ${right} on the log`,
        () => `grant ${right} on threadline.audit_changes to ${quoted}`,
        'grant_too_wide',
        new RegExp(`somebody .*${right.toUpperCase()}`),
      ] as const,
  ),
  [
    'the right to update one column',
    () => `grant update (action_id) on threadline.audit_transactions to ${quoted}`,
    'grant_too_wide',
    /UPDATE/,
  ],
  [
    'a log that everybody may read',
    () => 'grant select on threadline.audit_changes to public',
    'grant_too_wide',
    /PUBLIC has SELECT/,
  ],
  [
    'a schema that everybody may use',
    () => 'grant usage on schema threadline to public',
    'grant_too_wide',
    /PUBLIC has USAGE/,
  ],
  [
    'a schema that somebody may create in',
    () => `grant create on schema threadline to ${quoted}`,
    'grant_too_wide',
    /CREATE/,
  ],
  [
    'a sequence that somebody may set back',
    () => `grant update on sequence threadline.audit_changes_id_seq to ${quoted}`,
    'grant_too_wide',
    /UPDATE/,
  ],
  [
    'an internal function that somebody may call',
    () => `grant execute on function threadline.open_transaction to ${quoted}`,
    'grant_too_wide',
    /EXECUTE/,
  ],
  [
    'delete_changes in the hands of somebody',
    () => `grant execute on function threadline.delete_changes to ${quoted}`,
    'grant_too_wide',
    /EXECUTE/,
  ],
  [
    'a function that everybody may call',
    () => 'grant execute on function threadline.record_action to public',
    'grant_too_wide',
    /PUBLIC has EXECUTE/,
  ],
  [
    'a table of the log that belongs to somebody else',
    () => `alter table threadline.audit_actions owner to ${quoted}`,
    'owner_differs',
    /somebody/,
  ],
  [
    'a schema that belongs to somebody else',
    () => `alter schema threadline owner to ${quoted}`,
    'owner_differs',
    /somebody/,
  ],
  [
    'a role that may write everything',
    () => `grant pg_write_all_data to ${quoted}`,
    'role_writes_all',
    /pg_write_all_data/,
  ],
  [
    'a cast that would run as the owner',
    () => `create type mood as enum ('low'); create function mood_json(mood) returns json language sql as 'select ''{}''::json';
     alter function mood_json owner to ${quoted}; create cast (mood as json) with function mood_json(mood)`,
    'cast_untrusted',
    /mood/,
  ],
  [
    'an actor for a role',
    () => `alter role ${quoted} set threadline.actor_ref = '{}'`,
    'setting_override',
    /ROLE "somebody/,
  ],
  [
    'a context for the database',
    () => `alter database ${database.name} set threadline.context = '{}'`,
    'setting_override',
    /DATABASE/,
  ],
  [
    'an actor for a role in the database',
    () => `alter role ${quoted} in database ${database.name} set "threadline.actor_ref" = '{}'`,
    'setting_override',
    /IN DATABASE/,
  ],
  [
    'a function with an actor of its own',
    () => `create function acting() returns int language sql set threadline.actor_ref = 'x' as 'select 1'`,
    'setting_override',
    /acting/,
  ],
  [
    'a role whose writes are not captured',
    () => `alter role ${quoted} set session_replication_role = replica`,
    'capture_bypassed',
    /somebody/,
  ],
  [
    'a function whose writes are not captured',
    () => `create procedure silent() language sql set session_replication_role = replica as 'select 1'`,
    'capture_bypassed',
    /silent/,
  ],
];

for (const [what, ddl, code, about] of BROKEN) {
  test(`it finds ${what}, and the remedy mends it`, async () => {
    assert.deepEqual(await findings(), []);
    await query(ddl());
    const found = await findings();
    assert.ok(found.length > 0, 'nothing was found');
    for (const finding of found) assert.equal(finding.code, code);
    assert.match(found.map(({ object, message }) => `${object} ${message}`).join('\n'), about);
    assert.deepEqual((await query('select * from threadline.verify()')).rows, found);
    for (const { remedy } of found) await query(remedy);
    assert.deepEqual(await findings(), []);
  });
}

test('it finds who may switch capture off in a session', async (t) => {
  const { rows } = await query(`select current_setting('server_version_num')::int >= 150000 as known`);
  if (!rows[0].known) return t.skip('rights to settings came with PostgreSQL 15');
  await query(`grant set on parameter session_replication_role to ${quoted}`);
  const [finding] = await findings();
  assert.equal(finding?.code, 'capture_bypassed');
  await query(finding?.remedy ?? '');
  assert.deepEqual(await findings(), []);
  await onConnection(database.admin, async (client) => {
    await client.query('set session_replication_role = replica');
    const { findings: found } = await verify(client);
    assert.deepEqual(
      found.map(({ code, object }) => [code, object]),
      [['capture_bypassed', 'this session']],
    );
  });
});

test('each table is looked at once', async () => {
  await inTransaction(database.admin, async (client) => {
    await client.query(`set local track_functions = 'all'`);
    const calls = `select coalesce(sum(calls), 0)::int as calls from pg_stat_xact_user_functions where funcname = 'table_problems'`;
    const { rows: before } = await client.query(calls);
    await client.query(`select * from threadline.verify(array['users', 'parts'])`);
    const { rows: after } = await client.query(calls);
    assert.equal(after[0].calls - before[0].calls, 2);
  });
});

test('a table that is named has to be audited; one that is not named may go without', async () => {
  assert.deepEqual(
    (await findings(['users', 'unwatched'])).map(({ code, object }) => [code, object]),
    [['table_uncovered', 'public.unwatched']],
  );
  assert.deepEqual(await findings(['users']), []);
  assert.deepEqual((await query(`select code, object from threadline.verify(array['unwatched'])`)).rows, [
    { code: 'table_uncovered', object: 'public.unwatched' },
  ]);
});

test('a partition that is named stands for its table, and a table that does not exist is an error', async () => {
  const { tables } = await verify(database.admin, { tables: ['parts_1'] });
  assert.deepEqual(tables, [{ table: 'public.parts', state: 'covered', options: {} }]);
  await assert.rejects(verify(database.admin, { tables: ['users', 'usres'] }), {
    code: 'TL_TABLE_NOT_FOUND',
    message: /usres/,
  });
  for (const options of [{ tables: [] }, { tables: 'users' }, { probe: 'yes' }, { shema: 'x' }])
    await assert.rejects(verify(database.admin, options as object), { code: 'TL_INSTALL_OPTIONS_INVALID' });
});

test('what is disabled says so, rather than that it has drifted', async () => {
  await query('alter table users add nick text; alter table users disable trigger user');
  const { tables } = await verify(database.admin, { tables: ['users'] });
  assert.equal(tables[0]?.state, 'disabled');
  await query('alter table users enable trigger user');
  assert.equal((await verify(database.admin, { tables: ['users'] })).tables[0]?.state, 'drifted');
  await installTriggers(database.admin, { tables: ['users'] });
});

test('it says whether an event trigger follows schema changes', async () => {
  const { admin } = await auditedDatabase();
  assert.equal((await verify(admin)).eventTrigger, true);
  await admin.query('alter event trigger threadline disable');
  assert.equal((await verify(admin)).eventTrigger, false);
  await admin.query('drop event trigger threadline');
  assert.equal((await verify(admin)).eventTrigger, false);
});

test('without a probe it writes nothing: it runs in a READ ONLY transaction', async () => {
  const catalog = await catalogOf(database.admin);
  await onConnection(database.admin, async (client) => {
    await client.query('begin read only');
    assert.equal((await verify(client)).ok, true);
    await client.query('commit');
  });
  assert.deepEqual(await catalogOf(database.admin), catalog);
});

test('an installation of other functions is told, and nothing else is looked at', async () => {
  const { admin } = await createTestDatabase();
  await install(admin);
  await admin.query(
    `create or replace function threadline.functions_digest() returns text language sql immutable as 'select ''old''::text'; drop function threadline.findings`,
  );
  const { ok, findings, tables } = await verify(admin);
  assert.deepEqual([ok, findings.map(({ code }) => code), tables], [false, ['installation_outdated'], []]);
  await install(admin);
  assert.equal((await verify(admin)).ok, true);
});

test('somebody who does not own the log is told so, and so is who asks for one that is not there', async () => {
  await assert.rejects(verify(role.pool), { code: 'TL_NOT_OWNER', message: /owner/ });
  await assert.rejects(verify(database.admin, { schema: 'nowhere' }), { code: 'TL_NOT_INSTALLED' });
  const { admin } = await createTestDatabase();
  await admin.query('create schema threadline');
  await assert.rejects(verify(admin), { code: 'TL_NOT_INSTALLED' });
});

/** What the probe says about one table. */
async function probe(table: string): Promise<unknown> {
  return (await verify(database.admin, { tables: [table], probe: true })).tables[0]?.probe;
}

test('a probe tries out an update and leaves no trace', async () => {
  const state = `select (select json_agg(u) from users u)::text as users, (select json_agg(p) from parts p)::text as parts,
    (select count(*) from threadline.audit_changes) as changes, (select count(*) from threadline.audit_transactions) as transactions,
    current_setting('threadline.actor_ref', true) as actor, current_setting('lock_timeout') as timeout`;
  await onConnection(database.admin, async (client) => {
    const before = (await client.query(state)).rows;
    const { tables, ok } = await verify(client, { probe: true });
    assert.deepEqual(
      tables.map(({ table, probe }) => [table, probe]),
      [
        ['public.parts', 'captured'],
        ['public.unwatched', undefined],
        ['public.users', 'captured'],
      ],
    );
    assert.equal(ok, true);
    assert.deepEqual((await client.query(state)).rows, [{ ...before[0], actor: '' }]);
  });
});

test('a probe finds a write that is not recorded, whatever the reason', async () => {
  await query('alter table users disable trigger "00_threadline_update"');
  const { ok, findings: found } = await verify(database.admin, { tables: ['users'], probe: true });
  assert.equal(ok, false);
  assert.deepEqual(
    found.map(({ code }) => code),
    ['table_disabled', 'probe_lost'],
  );
  await query('alter table users enable trigger user');
  await onConnection(database.admin, async (client) => {
    await client.query('set session_replication_role = replica');
    const { tables } = await verify(client, { tables: ['users'], probe: true });
    assert.equal(tables[0]?.probe, 'lost');
  });
});

test('a probe tries out no row of a child, which is not audited with its parent', async () => {
  const { admin } = await auditedDatabase();
  await admin.query(
    'create table parent (id int primary key, n int); create table child () inherits (parent); insert into child values (1, 1)',
  );
  await installTriggers(admin, { tables: ['parent'] });
  assert.deepEqual((await verify(admin, { tables: ['parent'], probe: true })).findings, []);
});

test('a probe says why it could not try anything out', async () => {
  await query(`
    create table bare (id int); create table fixed (id int generated always as identity primary key);
    insert into fixed default values`);
  await installTriggers(database.admin, { tables: ['bare', 'fixed'] });
  assert.equal(await probe('bare'), 'empty');
  assert.equal(await probe('fixed'), 'impossible');
  await inTransaction(database.admin, async (client) => {
    await client.query('select from users for update');
    assert.equal(await probe('users'), 'busy');
  });
  await inTransaction(database.admin, async (client) => {
    const { rows: named } = await client.query(`select 'users'::regclass::oid::text as oid`);
    await client.query('lock table users in access exclusive mode');
    const { rows } = await query(`select threadline.probe_capture(${named[0].oid}) as outcome`);
    assert.deepEqual(rows, [{ outcome: 'busy' }]);
  });
  assert.equal(await probe('users'), 'captured');
});

test('a probe gets past constraints, triggers of the user and columns of every type', async () => {
  await query(`
    create type level as enum ('low', 'high');
    create table stamps (id int primary key, touched timestamptz not null default now());
    create table strict (id int primary key, level level not null, unique (level));
    create table only_json (id int primary key, doc json not null check (doc::text <> '{}'));
    create table flags (id int primary key, is_on boolean not null);
    create table linked (user_id int not null references users on update cascade on delete cascade, at date not null);
    create function touch() returns trigger language plpgsql as $$ begin new.touched := touch_time(); return new; end $$;
    create function touch_time() returns timestamptz language sql as 'select clock_timestamp()';
    create trigger touch before update on stamps for each row execute function touch();
    insert into stamps values (1); insert into strict values (1, 'low'); insert into only_json values (1, '[1]');
    insert into flags values (1, true); insert into linked values (1, now())`);
  const tables = ['stamps', 'strict', 'only_json', 'flags', 'linked'];
  await installTriggers(database.admin, { tables });
  for (const table of tables) assert.equal(await probe(table), 'captured', table);
});

const HANDLES: readonly (readonly [string, (url: string, use: (db: Database) => Promise<void>) => Promise<void>])[] = [
  [
    'postgres.js',
    async (url, use) => {
      const sql = postgres(url, { max: 1, onnotice: () => {} });
      await use(sql).finally(() => sql.end());
    },
  ],
  [
    'Knex',
    async (url, use) => {
      const instance = knex({ client: 'pg', connection: url });
      await use(instance).finally(() => instance.destroy());
    },
  ],
];

for (const [name, open] of HANDLES)
  test(`it works through ${name}, also with names that hold what drivers take for parameters`, async () => {
    await query(`create table "what? $1" (id int, n int); insert into "what? $1" values (1, 1)`);
    await open(database.url, async (db) => {
      await installTriggers(db, { tables: ['"what? $1"'] });
      assert.deepEqual((await verify(db, { tables: ['"what? $1"'], probe: true })).tables, [
        { table: 'public."what? $1"', state: 'covered', options: {}, probe: 'captured' },
      ]);
    });
    await query('drop table "what? $1"');
  });

test('it works on a PGlite', async () => {
  const db = await PGlite.create();
  await install(db);
  await db.exec('create table users (id int primary key, name text); insert into users values (1)');
  await installTriggers(db, { tables: ['users'] });
  const { ok, tables } = await verify(db, { probe: true });
  assert.deepEqual([ok, tables.map(({ probe }) => probe)], [true, ['captured']]);
  await db.close();
});

test('a schema of any name is verified', async () => {
  const { admin } = await createTestDatabase();
  const schema = `it's "quoted" %I`;
  await install(admin, { schema });
  await admin.query('create table users (id int primary key, n int); insert into users values (1, 1)');
  await installTriggers(admin, { schema, tables: ['users'] });
  assert.deepEqual((await verify(admin, { schema, probe: true })).findings, []);
  await admin.query(`drop event trigger ${pg.escapeIdentifier(schema)}`);
  await admin.query(
    `alter table ${pg.escapeIdentifier(schema)}.audit_changes disable trigger user; alter table users add a int`,
  );
  const { findings } = await verify(admin, { schema });
  assert.deepEqual(findings.map(({ code }) => code).sort(), ['log_unguarded', 'table_drifted']);
  for (const { remedy } of findings) await admin.query(remedy);
  assert.equal((await verify(admin, { schema })).ok, true);
});

test('docs/verify.md lists exactly the codes of findings that there are', async () => {
  const page = await readFile(new URL('../../docs/verify.md', import.meta.url), 'utf8');
  const table = page.slice(page.indexOf('| code | what was found |'));
  const rows = [...table.matchAll(/^\| `([a-z_]+)` \|/gm)].map((row) => row[1]);
  assert.deepEqual(rows, [...FINDING_CODES]);
});
