import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import pg from 'pg';
import { actor, history, install, installTriggers } from '../../src/index.ts';
import { installedPostgres } from '../support/installed-postgres.ts';
import { type PostgresServer, type PostgresServerOptions, startPostgresServer } from '../support/postgres-server.ts';
import { assertReplays } from '../support/replay.ts';
import { changesOf, enter, inTransaction } from './audited.ts';

const run = promisify(execFile);
const closing: (() => Promise<void>)[] = [];
after(async () => {
  for (const close of closing.reverse()) await close();
});

async function serve(options: PostgresServerOptions = {}): Promise<PostgresServer> {
  const server = await startPostgresServer(options);
  closing.push(() => server.stop());
  return server;
}

function connect(server: PostgresServer): pg.Pool {
  const pool = new pg.Pool({ connectionString: server.url('postgres'), max: 3 });
  pool.on('error', () => {});
  closing.push(() => pool.end());
  return pool;
}

async function spendTransactions(pool: pg.Pool, count: number): Promise<void> {
  await pool.query(`do $$ begin for i in 1..${count} loop perform pg_current_xact_id(); commit; end loop; end $$`);
}

async function writeAs(pool: pg.Pool, name: string, ...statements: readonly string[]): Promise<string> {
  return inTransaction(pool, async (client) => {
    await enter(client, { actor: actor.user(name) });
    for (const statement of statements) await client.query(statement);
    const { rows } = await client.query('select pg_current_xact_id()::text as xid');
    return rows[0].xid;
  });
}

async function whoWrote(pool: pg.Pool, table: string): Promise<readonly (readonly unknown[])[]> {
  const { rows } = await pool.query(
    `select c.op, t.actor_ref ->> 'id' as who, c.transaction_id::text as transaction
     from threadline.audit_changes c join threadline.audit_transactions t on t.id = c.transaction_id
     where c.table_name = $1 order by c.id`,
    [table],
  );
  const transactions = [...new Set(rows.map(({ transaction }) => transaction))];
  return rows.map(({ op, who, transaction }) => [op, who, transactions.indexOf(transaction)]);
}

test('dumped and restored where transaction ids begin anew, the log goes on: who wrote what, renames, baselines, triggers', async (t: TestContext) => {
  const installation = await installedPostgres();
  if (installation === undefined)
    return t.skip('PostgreSQL is not installed, and npm has no pg_dump (Debian: postgresql)');
  const [from, to] = await Promise.all([serve({ installation }), serve({ installation })]);
  const [source, target] = [connect(from), connect(to)];
  await source.query(`create table "Old Name" (id int primary key, n int); create table brownfield (id int primary key);
    insert into brownfield select generate_series(1, 10);
    create table parts (id int primary key) partition by range (id); create table parts_1 partition of parts for values from (0) to (10)`);
  await install(source);
  await installTriggers(source, { tables: ['"Old Name"', 'parts'] });
  await source.query(`select * from threadline.install_triggers(array['brownfield'], baseline => true);
    select * from threadline.baseline_batch('brownfield', 4)`);
  await spendTransactions(source, 3000);
  await writeAs(source, 'ada', `insert into "Old Name" values (1, 1), (2, 1)`, 'insert into parts values (1)');
  await source.query('alter table "Old Name" rename to renamed');
  const spent = BigInt(await writeAs(source, 'grace', 'update renamed set n = 2'));

  const file = `${from.socketDirectory}/dump`;
  await run(`${installation}/bin/pg_dump`, ['--format=custom', '--file', file, from.url('postgres')]);
  await run(`${installation}/bin/pg_restore`, ['--exit-on-error', '--no-owner', '--dbname', to.url('postgres'), file]);

  // Until a transaction comes whose id the restored log holds already, for another one.
  const { rows } = await source.query(
    'select min(xid::text::bigint)::text as first from threadline.audit_transactions where actor_ref is not null',
  );
  await target.query(
    `do $$ begin while pg_current_xact_id()::text::bigint < ${rows[0].first} - 40 loop commit; end loop; end $$`,
  );
  for (let number = 0, xid = 0n; xid <= spent; number += 1)
    xid = BigInt(
      await writeAs(
        target,
        number % 2 === 0 ? 'eve' : 'bob',
        'update renamed set n = n + 1 where id = 1',
        'update renamed set n = n + 1 where id = 2',
      ),
    );
  const wrote = await whoWrote(target, 'renamed');
  for (const [index, [, who, transaction]] of wrote.entries()) {
    const number = Math.floor((index - 2) / 2);
    assert.deepEqual([who, transaction], index < 2 ? ['grace', 0] : [number % 2 === 0 ? 'eve' : 'bob', number + 1]);
  }
  assert.equal((await history(target, { table: 'renamed', pk: 1, limit: 1000 })).at(-1)?.op, 'insert');
  assert.deepEqual(await installTriggers(target, { tables: ['brownfield', 'renamed', 'parts'], baseline: true }), {
    baselineRows: 6 + 2 + 1,
  });
  await target.query(
    `create table parts_2 partition of parts for values from (10) to (20); insert into parts values (11); truncate parts_2`,
  );
  for (const table of ['brownfield', 'renamed', 'parts']) await assertReplays(target, table);
  await target.query('alter table renamed rename to again; update again set n = 0');
  assert.equal((await history(target, { table: 'again', pk: 1, limit: 1000 })).at(-1)?.op, 'insert');
});

test('replicated logically, the log arrives along with the tables, nothing is recorded twice, and the copy can take over', async () => {
  const [from, to] = await Promise.all([serve(), serve()]);
  const [publisher, subscriber] = [connect(from), connect(to)];
  await spendTransactions(publisher, 1500);
  for (const pool of [publisher, subscriber]) {
    await pool.query('create table orders (id int primary key, n int)');
    await install(pool);
    await installTriggers(pool, { tables: ['orders'] });
  }
  await publisher.query(
    'create publication everything for table orders, threadline.audit_changes, threadline.audit_transactions, threadline.audit_actions',
  );
  await writeAs(publisher, 'ada', 'insert into orders values (1, 1), (2, 1)');
  await subscriber.query(
    `create subscription everything connection 'host=127.0.0.1 port=${from.port} user=postgres dbname=postgres' publication everything`,
  );
  await writeAs(publisher, 'grace', 'update orders set n = 2', 'delete from orders where id = 2');

  const { rows } = await publisher.query('select count(*)::int as changes from threadline.audit_changes');
  await arrived(subscriber, rows[0].changes);
  assert.deepEqual(await whoWrote(subscriber, 'orders'), await whoWrote(publisher, 'orders'));
  assert.deepEqual(
    (await changesOf(subscriber, 'orders')).map(({ data_after }) => data_after),
    (await changesOf(publisher, 'orders')).map(({ data_after }) => data_after),
  );
  await subscriber.query('drop subscription everything');
  // Sequences are not replicated: whoever switches over sets them, as for every table with one.
  await subscriber.query(
    `select setval(pg_get_serial_sequence('threadline.' || name, 'id'), 1000) from unnest(array['audit_changes', 'audit_transactions', 'audit_actions']) name`,
  );
  await writeAs(subscriber, 'eve', 'insert into orders values (3, 3)');
  assert.deepEqual((await whoWrote(subscriber, 'orders')).at(-1), ['insert', 'eve', 2]);
  await assertReplays(subscriber, 'orders');
});

async function arrived(pool: pg.Pool, count: number): Promise<void> {
  for (;;) {
    const { rows } = await pool.query(
      `select (select count(*)::int from threadline.audit_changes) as changes, (select count(*)::int from orders) as rows`,
    );
    assert.ok(rows[0].changes <= count, 'what was replicated is recorded a second time');
    if (rows[0].changes === count && rows[0].rows === 1) return;
  }
}
