import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { before, test } from 'node:test';
import fc from 'fast-check';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { install, installTriggers } from '../../src/sql/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { plansOf } from '../support/plans.ts';
import { assertReplays } from '../support/replay.ts';
import {
  attempt,
  openSession,
  SHAPES,
  type Shape,
  type Step,
  statementOf,
  workload,
} from '../support/replay-workload.ts';

let database: TestDatabase;
const RUNS = Number(process.env['THREADLINE_REPLAY_RUNS'] ?? 25);

before(async () => {
  database = await createTestDatabase();
  await install(database.admin);
  for (const { table, ddl } of SHAPES) {
    await database.admin.query(ddl);
    await installTriggers(database.admin, { tables: [table] });
  }
});

for (const shape of SHAPES) {
  test(`after any workload of concurrent sessions the log of a table ${shape.table.replaceAll('_', ' ')} gives its rows`, async () => {
    await fc.assert(
      fc.asyncProperty(workload, async (steps) => {
        // Each run begins with an empty table, so that fast-check can shrink it.
        await database.admin.query(`truncate ${shape.table} restart identity`);
        await run(shape, steps);
        await assertReplays(database.admin, shape.table);
      }),
      { numRuns: RUNS, interruptAfterTimeLimit: 60_000 },
    );
  });
}

test('the log of tables that were written by COPY, cascades and a trigger of the user gives their rows', async () => {
  await database.admin.query(`
    create table parents (id int primary key, name text, children int not null default 0);
    create table children (id int primary key, parent int references parents on delete cascade on update cascade);
    create function count_children() returns trigger language plpgsql as $$ begin
      update parents p set children = (select count(*) from children c where c.parent = p.id); return null; end $$;
    create trigger count_children after insert or update or delete on children for each row execute function count_children()`);
  await installTriggers(database.admin, { tables: ['parents', 'children'] });
  const client = await database.admin.connect();
  await pipeline(
    Readable.from(['1\tone\n2\ttwo\n3\tthree\n']),
    client.query(copyFrom('copy parents (id, name) from stdin')),
  );
  client.release();
  await database.admin.query(`
    insert into children select g, 1 + g % 3 from generate_series(1, 12) g;
    update parents set id = id + 100 where id > 1;
    delete from parents where id = 103;
    update children c set parent = p.id from parents p where p.name = 'one' and c.id < 5`);
  for (const table of ['parents', 'children']) await assertReplays(database.admin, table);
});

test('the log of a partitioned table gives its rows after moves, writes to a leaf, and TRUNCATE of a leaf and of all', async () => {
  await database.admin.query(`
    create table measures (day int, station int, value numeric, primary key (day, station)) partition by range (day);
    create table measures_1 partition of measures for values from (0) to (10);
    create table measures_2 partition of measures for values from (10) to (20) partition by range (station);
    create table measures_2a partition of measures_2 for values from (0) to (5);
    create table measures_2b (value numeric, gone int, station int not null, day int not null);
    alter table measures_2b drop column gone;
    alter table measures_2 attach partition measures_2b for values from (5) to (10)`);
  await installTriggers(database.admin, { tables: ['measures'] });
  const steps = [
    'insert into measures select d, s, d * s from generate_series(0, 19) d, generate_series(0, 9) s',
    'update measures set day = day + 10 where day < 10 and station = 1 and day not in (select day - 10 from measures where day >= 10 and station = 1)',
    'delete from measures where station = 3',
    'update measures set day = 19 - day where station = 3',
    'update measures_2b set value = value + 1 where day = 12',
    'insert into measures_2a values (13, 3, 7)',
    'delete from measures where day = 13 and station = 6',
    'update measures set station = 9 - station where day = 13 and station = 3',
    'truncate measures_2b',
    'insert into measures values (14, 6, 1.50)',
    'truncate measures_2',
    'insert into measures values (15, 6, 1.50), (16, 2, 2)',
    'truncate measures',
    'insert into measures values (1, 1, 1), (15, 6, 1.50)',
  ];
  for (const step of steps) {
    await database.admin.query(step);
    await assertReplays(database.admin, 'measures', `after ${step}`);
  }
});

async function run(shape: Shape, steps: readonly Step[]): Promise<void> {
  const sessions = await Promise.all([0, 1, 2].map(() => openSession(database.url, '200ms')));
  try {
    // A session that waits for a lock of another holds up none of the others: each has a queue of its own.
    await Promise.all(
      sessions.map(async (client, number) => {
        for (const step of steps) if (step.session === number) await attempt(client, statementOf(shape, step));
        await client.query('commit');
      }),
    );
  } finally {
    await Promise.all(sessions.map((client) => client.end()));
  }
}

for (const images of ['full', 'changed'] as const)
  test(`replay and baseline look at each change a few times, however many there are (images: ${images})`, async () => {
    const table = `many_${images}`;
    await database.admin.query(
      `create table ${table} (id int primary key, n int); insert into ${table} select g, 0 from generate_series(1, 2000) g`,
    );
    await installTriggers(database.admin, { tables: [{ table, images }] });
    const plans = await plansOf(database.admin, async (db) => {
      const client = db as pg.PoolClient;
      await client.query('set auto_explain.log_analyze = on');
      await installTriggers(client, { tables: [table], baseline: true });
      await client.query(`update ${table} set n = 1`);
      await client.query(`select * from threadline.replay('${table}')`);
    });
    // Of each step of a plan: the rows that it looked at, which are those it gave and those it dropped, times its runs.
    const steps = [...plans.matchAll(/rows=([\d.]+) loops=(\d+)\)([^>]*)/g)].map(([, rows, loops, details]) => {
      const dropped = /Rows Removed by (?:Join )?Filter: (\d+)/.exec(details ?? '')?.[1] ?? '0';
      return (Number(rows) + Number(dropped)) * Number(loops);
    });
    assert.ok(steps.length > 20, 'the plans were seen');
    assert.ok(Math.max(...steps) < 50_000, `a step looked at ${Math.max(...steps)} rows\n${plans}`);
    await assertReplays(database.admin, table);
  });
