import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { actor } from '../../src/index.ts';
import { install } from '../../src/sql/index.ts';
import type { TestDatabase } from '../support/database.ts';
import { audit, auditedDatabase, changesOf, enter, inTransaction } from './audited.ts';

let database: TestDatabase;
let writer: pg.Pool;
let role: string;

before(async () => {
  database = await auditedDatabase();
  role = `writer_of_${database.name}`;
  await database.admin.query(`create role ${role} login; grant create on schema public to ${role}`);
  await audit(
    database.admin,
    'accounts',
    `create table accounts (id int primary key, balance numeric); grant all on accounts to ${role}`,
  );
  const url = new URL(database.url);
  url.username = role;
  writer = new pg.Pool({ connectionString: url.href, max: 2 });
});
after(async () => {
  await writer.end();
  await database.admin.query(`drop owned by ${role} cascade; drop role ${role}`);
});

const DENIED = { code: '42501' };

test('a role with no right on the log writes to audited tables as ever, and is recorded under its own name', async () => {
  await writer.query(
    'insert into accounts values (1, 10); update accounts set balance = 20; delete from accounts; truncate accounts',
  );
  assert.deepEqual(
    (await changesOf(database.admin, 'accounts')).map(({ op }) => op),
    ['insert', 'update', 'delete', 'truncate'],
  );
  const { rows } = await database.admin.query(`select distinct db_user from threadline.audit_transactions`);
  assert.deepEqual(rows, [{ db_user: role }]);
});

for (const [table, column] of [
  ['audit_changes', 'op'],
  ['audit_transactions', 'db_user'],
  ['audit_actions', 'name'],
  ['migrations', 'applied_at'],
]) {
  test(`it can neither read, write, empty, lock nor drop ${table}, also when it may see into the schema`, async () => {
    await database.admin.query(`grant usage on schema threadline to ${role}`);
    const statements = [
      `select * from threadline.${table}`,
      `insert into threadline.${table} default values`,
      `update threadline.${table} set ${column} = default`,
      `delete from threadline.${table}`,
      `truncate threadline.${table}`,
      `do $$ begin lock threadline.${table}; end $$`,
      `do $$ begin lock threadline.${table} in row exclusive mode; end $$`,
      `do $$ begin perform from threadline.${table} for update; end $$`,
      `do $$ begin perform from threadline.${table} for key share; end $$`,
      `copy threadline.${table} from stdin`,
      `alter table threadline.${table} disable trigger all`,
      `create rule nothing as on insert to threadline.${table} do instead nothing`,
      `create index on threadline.${table} (${column})`,
      `drop table threadline.${table}`,
      `create trigger t before insert on threadline.${table} for each row execute function suppress_redundant_updates_trigger()`,
    ];
    for (const statement of statements) await assert.rejects(writer.query(statement), DENIED, statement);
    await database.admin.query(`revoke usage on schema threadline from ${role}`);
  });
}

test('it can call no function of the schema, not even record_action unless that was granted', async () => {
  await database.admin.query(`grant usage on schema threadline to ${role}`);
  const { rows } = await database.admin.query(
    `select p.oid::regprocedure::text as name from pg_proc p
     where p.pronamespace = 'threadline'::regnamespace and has_function_privilege($1, p.oid, 'EXECUTE')`,
    [role],
  );
  assert.deepEqual(rows, []);
  await assert.rejects(writer.query(`select threadline.record_action('x')`), DENIED);
  await database.admin.query(`grant execute on function threadline.record_action to ${role}`);
  await writer.query(`select threadline.record_action('x')`);
  await database.admin.query(`revoke usage on schema threadline from ${role}`);
});

test('it can neither disable nor drop the triggers, nor replace the capture function, of a table that it does not own', async () => {
  await database.admin.query(`grant usage on schema threadline to ${role}`);
  for (const statement of [
    'drop schema threadline cascade',
    'drop function threadline.capture_public_accounts() cascade',
    'alter function threadline.capture_public_accounts() security invoker',
    'alter function threadline.capture_public_accounts() set search_path = public',
    'alter function threadline.open_transaction set session_replication_role = replica',
    'create function threadline.mine() returns int language sql return 1',
    'create event trigger mine on ddl_command_end execute function pg_catalog.suppress_redundant_updates_trigger()',
    'set local session_replication_role = replica',
    `select pg_catalog.set_config('session_replication_role', 'replica', true)`,
    `alter role ${role} set session_replication_role = replica`,
    'create trigger "00_threadline_insert" after insert on accounts for each row execute function threadline.capture_public_accounts()',
    'create rule nothing as on insert to accounts do instead nothing',
    'alter table accounts rename to other',
    `select threadline.uninstall_trigger('accounts')`,
    `select threadline.install_trigger('accounts', '{"noop":"skip"}')`,
    'alter table accounts disable trigger all',
    'drop trigger "00_threadline_insert" on accounts',
    'set session_replication_role = replica',
    'create or replace function threadline.capture_public_accounts() returns trigger language plpgsql as $$ begin return null; end $$',
  ])
    await assert.rejects(writer.query(statement), DENIED, statement);
  await database.admin.query(`revoke usage on schema threadline from ${role}`);
});

test('a trigger function of the log cannot be called, and cannot be put on a table of its own to forge entries', async () => {
  await database.admin.query(`grant usage on schema threadline to ${role}`);
  await writer.query('create table forged (id int primary key, balance numeric)');
  for (const statement of [
    'select threadline.capture_public_accounts()',
    'create trigger t after insert on forged for each row execute function threadline.capture_public_accounts()',
    'create trigger t after truncate on forged execute function threadline.capture_truncate()',
    'create trigger t before update on forged for each row execute function threadline.guard_log()',
  ])
    await assert.rejects(writer.query(statement), DENIED, statement);
  await writer.query('drop table forged');
  await database.admin.query(`revoke usage on schema threadline from ${role}`);
});

test('functions, operators and tables that it puts in the way change nothing and are never run as the definer', async () => {
  await writer.query(`
    create table ran (as_user text);
    grant insert on ran to public;
    create function public.set_config(text, varchar, boolean) returns text language plpgsql as
      $$ begin insert into public.ran values (current_user); return ''; end $$;
    create function public.current_setting(text, boolean) returns text language plpgsql as
      $$ begin insert into public.ran values (current_user); return 'x'; end $$;
    create function public.to_jsonb(anyelement) returns jsonb language plpgsql as
      $$ begin insert into public.ran values (current_user); return '{}'; end $$;
    create function public.differs(int, int) returns boolean language plpgsql as
      $$ begin insert into public.ran values (current_user); return false; end $$;
    create operator public.= (leftarg = int, rightarg = int, function = public.differs)`);
  const client = await writer.connect();
  try {
    await client.query(`create temp table audit_changes (id int); create temp table pg_class (oid int)`);
    await client.query(`set search_path = pg_temp, public, pg_catalog`);
    await client.query('begin');
    await enter(client, { actor: actor.user('ada') });
    await client.query('insert into public.accounts values (7, 1)');
    await client.query('update public.accounts set balance = 2, id = 8');
    await client.query('commit; reset search_path');
    assert.deepEqual((await client.query('select * from public.ran')).rows, []);
  } finally {
    client.release(true);
  }
  const last = (await changesOf(database.admin, 'accounts')).at(-1);
  assert.deepEqual(
    [last?.table_pk, last?.table_pk_before, last?.data_after],
    [{ id: 8 }, { id: 7 }, { id: 8, balance: 2 }],
  );
});

test('types, domains, casts and operators of its own, in public and in its temporary schema, change nothing that is recorded', async () => {
  const operators = [
    ['||', 'jsonb', 'jsonb', 'jsonb'],
    ['||', 'text', 'text', 'text'],
    ['->', 'jsonb', 'text', 'jsonb'],
    ['->>', 'jsonb', 'text', 'text'],
    ['-', 'jsonb', 'text[]', 'jsonb'],
    ['=', 'text', 'text', 'boolean'],
    ['=', 'xid8', 'xid8', 'boolean'],
    ['=', 'tid', 'tid', 'boolean'],
    ['<>', 'text', 'text', 'boolean'],
    ['=', 'numeric', 'numeric', 'boolean'],
  ] as const;
  await writer.query(
    operators
      .map(
        ([name, left, right, result], index) => `
        create function public.ran_${index}(${left}, ${right}) returns ${result} language plpgsql as
          $$ begin insert into public.ran values (current_user); return null; end $$;
        create operator public.${name} (leftarg = ${left}, rightarg = ${right}, function = public.ran_${index});`,
      )
      .join('\n'),
  );
  const client = await writer.connect();
  try {
    await client.query(`
      create domain pg_temp.jsonb as pg_catalog.text; create domain pg_temp.text as pg_catalog.int4;
      create domain pg_temp.tid as pg_catalog.text; create type pg_temp.xid8 as enum ('x');
      create domain pg_temp.int8 as pg_catalog.text; create domain pg_temp.regclass as pg_catalog.text;
      create temp table audit_transactions (id int); create temp view pg_namespace as select 'x' as nspname;
      create function pg_temp.pg_current_xact_id() returns pg_catalog.text language sql as $$ select '7' $$;
      create function pg_temp.jsonb_build_object(pg_catalog.text, pg_catalog.int4) returns pg_catalog.jsonb language sql as $$ select '{}'::pg_catalog.jsonb $$;
      create function pg_temp.clock_timestamp() returns timestamptz language sql as $$ select '2000-01-01'::timestamptz $$`);
    await database.admin.query(
      `grant usage on schema threadline to ${role}; grant execute on function threadline.record_action to ${role}`,
    );
    await client.query(`set search_path = pg_temp, public, pg_catalog; begin`);
    await enter(client, { actor: actor.user('ada') });
    await client.query(`insert into public.accounts values (70, 1.50)`);
    await client.query(`update public.accounts set balance = 2, id = 71 where id operator(pg_catalog.=) 70`);
    await client.query(`select threadline.record_action('account.moved', '{"reason": "because"}')`);
    await client.query('truncate public.accounts');
    await client.query('commit; reset search_path');
    assert.deepEqual((await client.query('select * from public.ran')).rows, []);
  } finally {
    client.release(true);
    await database.admin.query(`revoke usage on schema threadline from ${role}`);
    await database.admin.query(operators.map((_, index) => `drop function public.ran_${index} cascade`).join(';'));
  }
  const { rows } = await database.admin.query(
    `select c.op, c.table_pk, c.changed_fields, c.data_after::text, t.actor_ref ->> 'id' as who, a.reason, c.captured_at > now() - interval '1 hour' as is_now
     from threadline.audit_changes c join threadline.audit_transactions t on t.id = c.transaction_id
     join threadline.audit_actions a on a.id = t.action_id where a.name = 'account.moved' order by c.id`,
  );
  const common = { who: 'ada', reason: 'because', is_now: true };
  assert.deepEqual(rows, [
    { op: 'insert', table_pk: { id: 70 }, changed_fields: null, data_after: '{"id": 70, "balance": 1.50}', ...common },
    {
      op: 'update',
      table_pk: { id: 71 },
      changed_fields: ['id', 'balance'],
      data_after: '{"id": 71, "balance": 2}',
      ...common,
    },
    { op: 'truncate', table_pk: null, changed_fields: null, data_after: null, ...common },
  ]);
});

test('a write with search_path = pg_catalog, as from a foreign server, is recorded', async () => {
  await inTransaction(writer, async (client) => {
    await client.query('set local search_path = pg_catalog');
    await client.query('insert into public.accounts values (50, 0)');
  });
  assert.deepEqual((await changesOf(database.admin, 'accounts')).at(-1)?.table_pk, { id: 50 });
});

test('settings that claim the place of another audit transaction attach nothing to it', async () => {
  await inTransaction(writer, async (client) => {
    await enter(client, { actor: actor.user('victim') });
    await client.query('insert into accounts values (60, 0)');
  });
  const { rows } = await database.admin.query(
    `select ctid::text as place, id::text from threadline.audit_transactions order by id desc limit 1`,
  );
  const victim = rows[0];
  // As the present context, and as one that this transaction has left and comes back to.
  const claims = ['\u0001\u0001', 'x\u0001\u0001'];
  await audit(database.admin, 'wiped', `create table wiped (id int primary key); grant all on wiped to ${role}`);
  const statements = ['update accounts set balance = balance + 1 where id = 60', 'truncate wiped'];
  for (const place of [victim.place, '(0,1)', '(99999,1)', '(0,0)'])
    for (const [key, statement] of claims.flatMap((key) => statements.map((statement) => [key, statement] as const)))
      await inTransaction(writer, async (client) => {
        await client.query(
          `select set_config('threadline.transaction', $1 || $2, true),
             set_config('threadline.transaction_others', concat(encode(sha256(E'\\x01\\x01'), 'hex'), '=', $2, ' '), true)`,
          [key, place],
        );
        await client.query(statement);
      });
  const changes = (await changesOf(database.admin, 'accounts')).filter(
    (change) => JSON.stringify(change.table_pk) === '{"id":60}',
  );
  const groups = changes.map((change) => change.transaction_id);
  assert.equal(changes.length, 9);
  assert.equal(new Set(groups).size, 9);
  assert.equal(groups.indexOf(victim.id), 0);
  const wiped = (await changesOf(database.admin, 'wiped')).map((change) => change.transaction_id);
  assert.equal(wiped.length, 8);
  assert.equal(new Set([...wiped, ...groups]).size, 17);
});

test('settings that claim a place for a whole session attach nothing to it either', async () => {
  await database.admin.query(
    `create table claimed (id int generated always as identity); grant all on claimed to ${role}`,
  );
  await database.admin.query(`select threadline.install_trigger('claimed')`);
  const { rows } = await database.admin.query(
    `select ctid::text as place, id::text from threadline.audit_transactions order by id desc limit 1`,
  );
  const client = await writer.connect();
  try {
    await client.query(`select set_config('threadline.transaction', E'\\x01\\x01' || $1, false)`, [rows[0].place]);
    for (let write = 0; write < 2; write += 1) await client.query('insert into claimed default values');
  } finally {
    client.release(true);
  }
  const groups = (await changesOf(database.admin, 'claimed')).map((change) => change.transaction_id);
  assert.equal(new Set([rows[0].id, ...groups]).size, 3);
});

test('default privileges that give everything away give nothing away here', async () => {
  await database.admin.query(`alter default privileges grant all on tables to public;
    alter default privileges grant all on sequences to public; alter default privileges grant all on functions to ${role};
    alter default privileges grant all on schemas to public`);
  await install(database.admin, { schema: 'open_house' });
  const found = await database.admin.query(
    `select relname as name from pg_class where relnamespace = 'open_house'::regnamespace and relkind in ('r', 'v', 'S')
       and (case relkind when 'S' then has_sequence_privilege($1, oid, 'USAGE,SELECT,UPDATE')
            else has_table_privilege($1, oid, 'SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER') end)
     union all
     select proname from pg_proc where pronamespace = 'open_house'::regnamespace and has_function_privilege($1, oid, 'EXECUTE')
     union all
     select 'schema' where has_schema_privilege($1, 'open_house', 'USAGE,CREATE')`,
    [role],
  );
  assert.deepEqual(found.rows, []);
});
