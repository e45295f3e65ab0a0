import pg from 'pg';
import { actor, type Database } from '../../src/index.ts';
import { actorHistory, history, timeline } from '../../src/query/index.ts';
import { install, installTriggers } from '../../src/sql/index.ts';
import { plansOf } from '../../test/support/plans.ts';
import { startBenchServer } from '../support/bench-server.ts';
import { FILLED_ACTORS, FILLED_TABLES, fillLog } from '../support/fill-log.ts';
import { type BenchOptions, type Figure, type Findings, figure } from '../support/report.ts';

/** One read, of arguments that differ with every call. */
interface Read {
  readonly name: string;
  /** The most that it is to take, in milliseconds. */
  readonly goal: number;
  /** How many changes it must return at least. */
  readonly atLeast: number;
  run(db: Database, n: number): Promise<readonly unknown[]>;
}

const rowOf = (n: number, changes: number) => ({
  table: `filled_${n % FILLED_TABLES}`,
  pk: n % Math.max(Math.floor(changes / FILLED_TABLES / 10), 1),
});

function readsOf(changes: number): readonly Read[] {
  const middle = String(Math.floor(changes / 2));
  // Those of an odd number share what the busiest one leaves.
  const rareActor = (n: number) => actor.user(`u${1 + 2 * (n % (FILLED_ACTORS / 2))}`);
  const table = (n: number) => `filled_${n % FILLED_TABLES}`;
  return [
    { name: 'history of one row', goal: 2, atLeast: 0, run: (db, n) => history(db, rowOf(n, changes)) },
    { name: 'timeline, first page', goal: 5, atLeast: 50, run: (db) => timeline(db) },
    {
      name: 'timeline of a table, first page',
      goal: 5,
      atLeast: 50,
      run: (db, n) => timeline(db, { table: table(n) }),
    },
    {
      name: 'timeline of a table, a page in the middle',
      goal: 5,
      atLeast: 50,
      run: (db, n) => timeline(db, { table: table(n), cursor: middle }),
    },
    {
      name: 'timeline of a correlation',
      goal: 5,
      atLeast: 4,
      run: (db, n) => timeline(db, { correlationId: `correlation-${1 + (n % (changes / 5 - 2))}` }),
    },
    {
      name: 'actorHistory of the busiest actor, first page',
      goal: 5,
      atLeast: 50,
      run: (db) => actorHistory(db, actor.user('u0')),
    },
    {
      name: 'actorHistory of a rare actor, first page',
      goal: 5,
      atLeast: 1,
      run: (db, n) => actorHistory(db, rareActor(n)),
    },
    {
      name: 'actorHistory of a rare actor, a page in the middle',
      goal: 5,
      atLeast: 1,
      run: (db, n) => actorHistory(db, rareActor(n), { cursor: middle }),
    },
  ];
}

/** The tables that the log tells of, audited as a user's are. */
async function createTables(admin: pg.Pool): Promise<void> {
  const tables = Array.from({ length: FILLED_TABLES }, (_, n) => `filled_${n}`);
  for (const table of tables)
    await admin.query(`create table ${table} (id bigint primary key, n bigint, name text, note text)`);
  await installTriggers(admin, { tables });
}

/** Measures how long the reads take on a log of `changes` changes, warm, one at a time. */
export async function benchQueries({ quick, rounds, changes: wanted }: BenchOptions): Promise<Findings> {
  const changes = quick ? 20_000 : wanted;
  const server = await startBenchServer();
  const admin = new pg.Pool({
    host: server.socketDirectory,
    port: server.port,
    user: server.user,
    database: 'postgres',
    max: 1,
  });
  admin.on('error', () => {});
  try {
    await install(admin);
    await createTables(admin);
    await fillLog(admin, changes);
    // What was filled in is written, so that a read does not have to make room for what it reads.
    await admin.query('checkpoint');
    const figures: Figure[] = [];
    const plans: string[] = [];
    for (const read of readsOf(changes)) {
      figures.push(await measure(admin, read, { rounds, calls: quick ? 5 : 50 }));
      plans.push(`\n${read.name}:\n${await explain(admin, read)}`);
    }
    const notes = [await server.describe(admin), `A log of ${changes} changes, pages of 50, one reader.`, ...plans];
    return { figures, notes };
  } finally {
    await admin.end();
    await server.stop();
  }
}

async function measure(
  admin: pg.Pool,
  read: Read,
  { rounds, calls }: { readonly rounds: number; readonly calls: number },
): Promise<Figure> {
  const samples: number[] = [];
  let n = 0;
  for (let round = -1; round < rounds; round += 1) {
    const start = process.hrtime.bigint();
    for (let call = 0; call < calls; call += 1) {
      n += 101;
      const found = await read.run(admin, n);
      if (found.length < read.atLeast) throw new Error(`${read.name} returned ${found.length} changes`);
    }
    if (round >= 0) samples.push(Number(process.hrtime.bigint() - start) / 1e6 / calls);
  }
  return figure({ case: read.name, metric: 'time', unit: 'ms', samples, goal: read.goal, atMost: true });
}

/** The plans of what a read runs on the log of changes; one that reads all of it is an error. */
async function explain(admin: pg.Pool, read: Read): Promise<string> {
  const plans = await plansOf(admin, (db) => read.run(db, 1));
  if (plans === '' || /Seq Scan on audit_changes/.test(plans))
    throw new Error(`${read.name} reads the whole log:\n${plans}`);
  return plans;
}
