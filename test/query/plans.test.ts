import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type pg from 'pg';
import { actor, type Database } from '../../src/index.ts';
import { actorHistory, history, timeline } from '../../src/query/index.ts';
import { plansOf } from '../support/plans.ts';
import { auditedDatabase, write, writeUnder } from './audited-database.ts';

let pool: pg.Pool;

before(async () => {
  const ddl = 'create table busy (id int primary key, n int); create table calm (id int primary key, n int)';
  pool = (await auditedDatabase(ddl, ['busy', 'calm'])).admin;
  await write(pool, 'insert into calm select n, n from generate_series(1, 20000) n');
  await write(pool, 'insert into busy select n, n from generate_series(1, 20000) n');
  await write(pool, 'update calm set id = -id where id <= 100', 'truncate calm');
  for (let n = 1; n <= 100; n += 1)
    await writeUnder(
      pool,
      { actor: actor.user(`u${n}`), correlationId: `c${n}` },
      `update busy set n = n + 1 where id = 7`,
      'update busy set n = n + 1 where id > 19900',
    );
  await pool.query('vacuum analyze');
});

test('the history of a row is read by its key, whatever happened to it', async () => {
  for (const [table, pk] of [
    ['busy', 7],
    ['busy', 1],
    ['calm', 1],
    ['calm', -1],
    ['calm', 5000],
  ] as const) {
    const plan = await plansOf(pool, (db) => history(db, { table, pk }));
    assert.match(plan, /audit_changes_row_index/);
    assert.doesNotMatch(plan, /Seq Scan on audit_changes/, `${table} ${pk}\n${plan}`);
  }
});

test('the timeline of a table is read by its index, also where other tables were written last', async () => {
  for (const table of ['busy', 'calm'])
    for (const cursor of [undefined, '15000']) {
      const plan = await plansOf(pool, (db) => timeline(db, { table, cursor }));
      assert.match(plan, /Index (Only )?Scan Backward using audit_changes_table_index/, plan);
    }
});

test('a timeline, and those of an actor, a correlation and a time to come, read no whole table', async () => {
  const reads: readonly ((db: Database) => Promise<unknown>)[] = [
    (db) => timeline(db),
    (db) => timeline(db, { correlationId: 'c7' }),
    (db) => timeline(db, { from: '2100-01-01' }),
    (db) => actorHistory(db, actor.user('u7')),
    (db) => actorHistory(db, actor.user('nobody')),
  ];
  for (const read of reads) {
    const plan = await plansOf(pool, read);
    assert.doesNotMatch(plan, /Seq Scan on audit_changes/, plan);
  }
});

test('the changes of an actor and of a correlation are read transaction by transaction, not by walking over those of others', async () => {
  for (const read of [
    (db: Database) => actorHistory(db, actor.user('u7')),
    (db: Database) => actorHistory(db, actor.user('u7'), { cursor: '20500', table: 'busy' }),
    (db: Database) => timeline(db, { correlationId: 'c7' }),
  ]) {
    const plan = await plansOf(pool, read);
    assert.match(plan, /audit_changes_transaction_index/, plan);
  }
});
