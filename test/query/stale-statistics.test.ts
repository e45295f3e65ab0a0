import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type pg from 'pg';
import { actor, type Database } from '../../src/index.ts';
import { actorHistory, history, timeline } from '../../src/query/index.ts';
import { auditedDatabase, write, writeUnder } from './audited-database.ts';

/** How many index entries and rows of the log a read of one page may touch, of the 60,000 that are there. */
const FEW = 2_000;

// What every read must stay fast on: a log that was restored, filled or given another table since it was analyzed.
for (const state of ['never analyzed', 'analyzed before the table was audited'] as const) {
  let pool: pg.Pool;

  before(async () => {
    const ddl = 'create table other (id int primary key, n int); create table rows (id int primary key, n int)';
    pool = (await auditedDatabase(ddl, ['other', 'rows'])).admin;
    await pool.query('alter table threadline.audit_changes set (autovacuum_enabled = off)');
    await pool.query('alter table threadline.audit_transactions set (autovacuum_enabled = off)');
    await write(pool, 'insert into other select n, n from generate_series(1, 20000) n');
    if (state !== 'never analyzed') await pool.query('analyze');
    await write(pool, 'insert into rows select n, n from generate_series(1, 20000) n');
    await write(pool, 'update rows set n = n + 1');
    for (let n = 1; n <= 40; n += 1)
      await writeUnder(
        pool,
        { actor: actor.user(`u${n}`), correlationId: `c${n}` },
        'update rows set n = n + 1 where id = 7',
        'update rows set id = -id where id = 8',
      );
  });

  const reads: Readonly<Record<string, (db: Database) => Promise<readonly unknown[]>>> = {
    'the history of a row': (db) => history(db, { table: 'rows', pk: 7 }),
    'the history of a row that changed its key': (db) => history(db, { table: 'rows', pk: 8 }),
    timeline: (db) => timeline(db),
    'the timeline of a table': (db) => timeline(db, { table: 'rows' }),
    'a page in its middle': (db) => timeline(db, { table: 'rows', cursor: '40100' }),
    'a correlation': (db) => timeline(db, { correlationId: 'c7' }),
    'a correlation in a table': (db) => timeline(db, { correlationId: 'c7', table: 'rows' }),
    'an actor': (db) => actorHistory(db, actor.user('u7')),
    'an actor in a table': (db) => actorHistory(db, actor.user('u7'), { table: 'rows' }),
  };
  for (const [name, read] of Object.entries(reads))
    test(`${name}: few rows are read of a log that was ${state}`, async () => {
      const touched = await touchedBy(pool, read);
      assert.ok(touched < FEW, `${touched} index entries and rows of the log`);
    });
}

/** The number of index entries and rows of the log of changes that a read of at least one change touches. */
async function touchedBy(pool: pg.Pool, read: (db: Database) => Promise<readonly unknown[]>): Promise<number> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    const before = await touchedSoFar(client);
    assert.ok((await read(client)).length > 0);
    return (await touchedSoFar(client)) - before;
  } finally {
    await client.query('rollback');
    client.release();
  }
}

async function touchedSoFar(client: pg.PoolClient): Promise<number> {
  const { rows } = await client.query(`
    select sum(pg_stat_get_xact_tuples_returned(r) + pg_stat_get_xact_tuples_fetched(r))::int as touched
    from (
      select 'threadline.audit_changes'::regclass
      union all select indexrelid from pg_index where indrelid = 'threadline.audit_changes'::regclass
    ) log (r)`);
  return rows[0].touched;
}
