import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { actor, recordAction } from '../../src/index.ts';
import { install } from '../../src/sql/index.ts';
import type { TestDatabase } from '../support/database.ts';
import { audit, auditedDatabase, enter, inTransaction } from './audited.ts';
import { createRole, type TestRole } from './roles.ts';

let database: TestDatabase;
let other: TestRole;

const query = (text: string, values?: unknown[]) => database.admin.query(text, values);

before(async () => {
  database = await auditedDatabase();
  other = await createRole(database, 'other');
  await audit(database.admin, 'users', 'create table users (id int primary key, name text)');
  await query(`insert into users values (1, 'Ada')`);
  await recordAction(database.admin, 'user.created');
});
after(() => other.remove());

/** How many rows the log has: changes, transactions and actions. */
async function sizeOfLog(): Promise<readonly number[]> {
  const { rows } = await query(`select
    (select count(*)::int from threadline.audit_changes) as changes,
    (select count(*)::int from threadline.audit_transactions) as transactions,
    (select count(*)::int from threadline.audit_actions) as actions`);
  return [rows[0].changes, rows[0].transactions, rows[0].actions];
}

const REFUSED = { code: 'TL040', hint: /delete_changes/ };

for (const [table, column] of [
  ['audit_changes', 'op'],
  ['audit_transactions', 'db_user'],
  ['audit_actions', 'name'],
] as const) {
  test(`the owner, a superuser, can neither update, delete nor truncate ${table} by accident, and is told what to do instead`, async () => {
    const size = await sizeOfLog();
    for (const statement of [
      `update threadline.${table} set ${column} = 'x'`,
      `delete from threadline.${table}`,
      `truncate threadline.${table}`,
      `with gone as (delete from threadline.${table} returning 1) select * from gone`,
      `insert into threadline.${table} overriding system value select * from threadline.${table}
       on conflict (id) do update set ${column} = 'x'`,
    ])
      await assert.rejects(query(statement), REFUSED, statement);
    assert.deepEqual(await sizeOfLog(), size);
  });
}

test('no trigger on the log concerns INSERT', async () => {
  const { rows } = await query(
    `select tgname from pg_trigger where tgrelid in (select oid from pg_class where relnamespace = 'threadline'::regnamespace)
       and tgtype & 4 <> 0`,
  );
  assert.deepEqual(rows, []);
});

test('an audit transaction gets its action once, in the transaction that wrote it, and nothing else in it changes', async () => {
  await inTransaction(database.admin, async (client) => {
    await client.query(`update users set name = 'Grace'`);
    await recordAction(client, 'user.renamed');
    const own = `where xid = pg_current_xact_id()`;
    for (const change of [
      `action_id = 1 ${own}`,
      `actor_ref = '{"type":"user","id":"mallory"}' ${own}`,
      `db_user = 'mallory', action_id = action_id ${own}`,
    ]) {
      await client.query('savepoint s');
      await assert.rejects(client.query(`update threadline.audit_transactions set ${change}`), REFUSED, change);
      await client.query('rollback to s');
    }
  });
  const { rows } = await query(
    `select a.name from threadline.audit_transactions t join threadline.audit_actions a on a.id = t.action_id order by t.id desc limit 1`,
  );
  assert.deepEqual(rows, [{ name: 'user.renamed' }]);
});

test('a row of an earlier transaction gets no action any more', async () => {
  await query(`update users set name = 'Barbara'`);
  await assert.rejects(
    query(`update threadline.audit_transactions set action_id = 1 where action_id is null`),
    REFUSED,
  );
});

test('a role that was given the right to delete by mistake cannot use it, whatever it sets', async () => {
  await query(`grant usage on schema threadline to ${pg.escapeIdentifier(other.name)};
    grant all on all tables in schema threadline to ${pg.escapeIdentifier(other.name)}`);
  await inTransaction(other.pool, async (client) => {
    await client.query(`select set_config('threadline.deletion', pg_current_xact_id()::text, true)`);
    for (const statement of [
      'delete from threadline.audit_changes',
      `update threadline.audit_changes set op = 'x'`,
      'truncate threadline.audit_actions',
      `update threadline.audit_transactions set action_id = 7`,
    ]) {
      await client.query('savepoint s');
      await assert.rejects(client.query(statement), REFUSED, statement);
      await client.query('rollback to s');
    }
  });
});

test('a setting left behind in a session does not open the log to its owner', async () => {
  await inTransaction(database.admin, async (client) => {
    await client.query(`select set_config('threadline.deletion', pg_current_xact_id()::text, false)`);
    await client.query('commit; begin');
    await assert.rejects(client.query('delete from threadline.audit_changes'), REFUSED);
    await client.query('rollback; begin; reset threadline.deletion');
  });
});

test('installing again mends a guard that was dropped or disabled', async () => {
  await query(
    `alter table threadline.audit_changes disable trigger user; drop trigger append_only on threadline.audit_actions`,
  );
  await install(database.admin);
  await assert.rejects(query('delete from threadline.audit_changes'), REFUSED);
  await assert.rejects(query('delete from threadline.audit_actions'), REFUSED);
});

test('what replicates or restores the log is not held up', async () => {
  await inTransaction(database.admin, async (client) => {
    await client.query('set local session_replication_role = replica');
    await client.query(
      `update threadline.audit_changes set op = op; delete from threadline.audit_actions; rollback; begin`,
    );
  });
});

/** A moment, as the server's clock has it. */
async function now(): Promise<string> {
  return (await query('select clock_timestamp()::text as now')).rows[0].now;
}

test('delete_changes removes what was captured before a moment, the transactions that it empties, and their actions', async () => {
  await audit(database.admin, 'orders', 'create table orders (id int primary key)');
  await query('select threadline.delete_changes(clock_timestamp())');
  await inTransaction(database.admin, async (client) => {
    await enter(client, { actor: actor.user('ada') });
    await client.query('insert into orders values (1)');
    await recordAction(client, 'orders.begun');
  });
  const moment = await now();
  await inTransaction(database.admin, async (client) => {
    await client.query('insert into orders values (2)');
    await recordAction(client, 'orders.continued');
  });
  const { rows } = await query('select threadline.delete_changes($1)::int as deleted', [moment]);
  const { rows: left } = await query(
    `select c.table_pk, a.name from threadline.audit_changes c join threadline.audit_transactions t on t.id = c.transaction_id
     left join threadline.audit_actions a on a.id = t.action_id`,
  );
  assert.deepEqual(left, [{ table_pk: { id: 2 }, name: 'orders.continued' }]);
  // The insert with its transaction and action, and the record of the deletion before.
  assert.deepEqual(rows, [{ deleted: 5 }]);
});

test('a transaction that goes on after the moment keeps its row, and what of it came before goes', async () => {
  let moment = '';
  await inTransaction(database.admin, async (client) => {
    await enter(client, { actor: actor.user('slow') });
    await client.query('insert into orders values (10)');
    moment = await now();
    await client.query('insert into orders values (11)');
  });
  await query('select threadline.delete_changes($1)', [moment]);
  const { rows } = await query(
    `select c.table_pk, t.actor_ref ->> 'id' as who from threadline.audit_changes c
     join threadline.audit_transactions t on t.id = c.transaction_id order by c.id`,
  );
  assert.deepEqual(rows, [{ table_pk: { id: 11 }, who: 'slow' }]);
});

test('delete_changes goes in batches, the oldest first, and returns 0 when nothing is left', async () => {
  for (const id of [20, 21, 22, 23, 24]) await query('insert into orders values ($1)', [id]);
  const moment = await now();
  const { rows: first } = await query('select threadline.delete_changes($1, 3)::int as deleted', [moment]);
  assert.ok(first[0].deleted > 0);
  const { rows } = await query(`select (table_pk ->> 'id')::int as id from threadline.audit_changes order by id`);
  assert.deepEqual(
    rows.map(({ id }) => id),
    [22, 23, 24],
  );
  let rounds = 0;
  while ((await query('select threadline.delete_changes($1, 3)::int as deleted', [moment])).rows[0].deleted > 0)
    rounds += 1;
  assert.ok(rounds >= 1 && rounds < 10);
  assert.equal((await sizeOfLog())[0], 0);
});

test('a deletion is itself recorded, with who asked for it and how much went', async () => {
  await query('insert into orders values (30)');
  await inTransaction(database.admin, async (client) => {
    await enter(client, { actor: actor.job('retention') });
    await client.query(`select threadline.delete_changes(clock_timestamp())`);
  });
  const { rows } = await query(
    `select actor_ref ->> 'id' as who, meta - 'before' as meta from threadline.audit_actions where name = 'audit.changes_deleted' order by id desc limit 1`,
  );
  assert.equal(rows[0].who, 'retention');
  assert.equal(rows[0].meta.changes, 1);
});

test('after delete_changes the log is closed again, in the same transaction as well', async () => {
  await query('insert into orders values (40)');
  await inTransaction(database.admin, async (client) => {
    await client.query(`select threadline.delete_changes(clock_timestamp())`);
    await client.query('savepoint s');
    await assert.rejects(client.query('delete from threadline.audit_actions'), REFUSED);
    await client.query('rollback to s');
  });
});

test('a write that follows a deletion of everything in its own transaction is recorded', async () => {
  await inTransaction(database.admin, async (client) => {
    await client.query('insert into orders values (50)');
    await client.query(`select threadline.delete_changes('infinity')`);
    await client.query('insert into orders values (51)');
  });
  const { rows } = await query(
    `select c.table_pk from threadline.audit_changes c join threadline.audit_transactions t on t.id = c.transaction_id`,
  );
  assert.deepEqual(rows, [{ table_pk: { id: 51 } }]);
});

test('delete_changes without a moment, or of no rows, is refused', async () => {
  for (const call of ['delete_changes(null)', 'delete_changes(now(), 0)', 'delete_changes(now(), null)'])
    await assert.rejects(query(`select threadline.${call}`), { code: 'TL041' }, call);
});

test('only the owner may call delete_changes', async () => {
  await assert.rejects(other.pool.query('select threadline.delete_changes(now())'), { code: '42501' });
});
