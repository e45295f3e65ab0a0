import pg from 'pg';
import { actor, runWithActor } from '../../src/index.ts';
import { type PostgresServer, startPostgresServer } from '../../test/support/postgres-server.ts';
import { type BenchOptions, type Figure, figure } from '../support/report.ts';
import { type Contender, interleave, type RoundOptions, ratios } from '../support/rounds.ts';
import { DRIVERS, type Driver, handWritten, type Target } from './drivers.ts';
import { slowWay } from './latency.ts';

/** The cases and what they are to reach: wrapped / raw at one connection. */
const CASES: Readonly<Record<string, { goal: number; run: (driver: Driver) => Promise<unknown> }>> = {
  'autocommit insert': { goal: 0.85, run: (driver) => driver.insert() },
  'transaction with five inserts': { goal: 0.93, run: (driver) => driver.insertsInTransaction(5) },
  'autocommit select': { goal: 0.97, run: (driver) => driver.select() },
  'transaction with five selects': { goal: 0.93, run: (driver) => driver.selectsInTransaction(5) },
};

const SLOW_MS = 5;
const SLOW_GOAL = 0.99;
const CONCURRENT = { callers: 200, connections: 5 };
const CONCURRENT_GOALS: Readonly<Record<string, number>> = { pg: 0.95, knex: 0.95, postgres: 0.35 };
const HAND_WRITTEN = { local: 3, slow: 3.8 };

/** Measures what the adapters cost on tables without triggers. */
export async function benchAdapters(options: BenchOptions): Promise<readonly Figure[]> {
  const server = await startPostgresServer();
  const target: Target = { host: server.socketDirectory, port: server.port, user: server.user, database: 'postgres' };
  const admin = new pg.Pool({ ...target, max: 1 });
  admin.on('error', () => {});
  try {
    await admin.query(`
      create unlogged table bench_rows (
        id bigint generated always as identity primary key, label text, amount int,
        actor text default pg_catalog.current_setting('threadline.actor_ref', true))`);
    await admin.query("insert into bench_rows (label) values ('one')");
    const figures = await runWithActor(actor.user('42'), () => measure(server, target, options));
    await check(admin);
    return figures;
  } finally {
    await admin.end();
    await server.stop();
  }
}

async function measure(server: PostgresServer, target: Target, options: BenchOptions): Promise<readonly Figure[]> {
  const slow = await slowWay(target, server.port, SLOW_MS);
  const counted = await slowWay(target, server.port, 0);
  const figures: Figure[] = [];
  for (const name of Object.keys(DRIVERS)) {
    figures.push(...(await ratiosOf(name, 'local socket', target, options)));
    figures.push(...(await ratiosOf(name, `${SLOW_MS} ms each way`, slow.target, options, SLOW_GOAL)));
    figures.push(await concurrent(name, slow.target, options));
    figures.push(...(await addedRoundTrips(name, counted)));
  }
  figures.push(await againstHandWritten('local socket', target, options, HAND_WRITTEN.local));
  figures.push(await againstHandWritten(`${SLOW_MS} ms each way`, slow.target, options, HAND_WRITTEN.slow));
  await slow.close();
  await counted.close();
  return figures;
}

async function ratiosOf(
  name: string,
  way: string,
  target: Target,
  options: RoundOptions,
  goal?: number,
): Promise<Figure[]> {
  const { raw, wrapped, end } = open(name, target, 1);
  const figures: Figure[] = [];
  for (const [title, { run, goal: local }] of Object.entries(CASES)) {
    const throughputs = await interleave(
      [repeat('raw', () => run(raw)), repeat('wrapped', () => run(wrapped))],
      options,
    );
    const samples = ratios(throughputs, 'wrapped', 'raw');
    figures.push(
      figure({ case: `${name}, ${title}, ${way}`, metric: 'wrapped / raw', unit: '', samples, goal: goal ?? local }),
    );
  }
  await end();
  return figures;
}

async function concurrent(name: string, target: Target, options: RoundOptions): Promise<Figure> {
  const { raw, wrapped, end } = open(name, target, CONCURRENT.connections);
  const crowd = (driver: Driver) => async (times: number) => {
    const each = Math.ceil(times / CONCURRENT.callers);
    const caller = async () => {
      for (let time = 0; time < each; time += 1) await driver.insert();
    };
    await Promise.all(Array.from({ length: CONCURRENT.callers }, caller));
  };
  const contenders = [
    { name: 'raw', run: crowd(raw) },
    { name: 'wrapped', run: crowd(wrapped) },
  ];
  // Every caller takes part in every round, so a round is never shorter than that.
  const throughputs = await interleave(contenders, { ...options, roundMs: Math.max(options.roundMs, 600) });
  await end();
  return figure({
    case: `${name}, ${CONCURRENT.callers} callers on ${CONCURRENT.connections} connections, insert, ${SLOW_MS} ms each way`,
    metric: 'wrapped / raw',
    unit: '',
    samples: ratios(throughputs, 'wrapped', 'raw'),
    goal: CONCURRENT_GOALS[name],
  });
}

async function addedRoundTrips(
  name: string,
  way: { target: Target; roundTrips(): Promise<number> },
): Promise<Figure[]> {
  const { raw, wrapped, end } = open(name, way.target, 1);
  const figures: Figure[] = [];
  for (const [title, { run }] of Object.entries(CASES)) {
    const count = async (driver: Driver) => {
      // The first time may prepare or look up types.
      await run(driver);
      const before = await way.roundTrips();
      await run(driver);
      return (await way.roundTrips()) - before;
    };
    const samples = [(await count(wrapped)) - (await count(raw))];
    figures.push(
      figure({ case: `${name}, ${title}`, metric: 'round trips added', unit: '', samples, goal: 0, atMost: true }),
    );
  }
  await end();
  return figures;
}

async function againstHandWritten(way: string, target: Target, options: RoundOptions, goal: number): Promise<Figure> {
  const { wrapped, end } = open('pg', target, 1);
  const byHand = handWritten(target, 1);
  const contenders = [repeat('by hand', () => byHand.insert()), repeat('wrapped', () => wrapped.insert())];
  const throughputs = await interleave(contenders, options);
  await byHand.end();
  await end();
  const samples = ratios(throughputs, 'wrapped', 'by hand');
  return figure({
    case: `pg, insert, ${way}`,
    metric: 'wrapped / BEGIN, set_config, insert, COMMIT by hand',
    unit: '',
    samples,
    goal,
  });
}

function open(name: string, target: Target, max: number): { raw: Driver; wrapped: Driver; end(): Promise<unknown> } {
  const connect = DRIVERS[name];
  if (!connect) throw new Error(`there is no driver named ${name}`);
  const raw = connect(target, { max, attributed: false });
  const wrapped = connect(target, { max, attributed: true });
  return { raw, wrapped, end: () => Promise.all([raw.end(), wrapped.end()]) };
}

function repeat(name: string, run: () => Promise<unknown>): Contender {
  return {
    name,
    run: async (times) => {
      for (let time = 0; time < times; time += 1) await run();
    },
  };
}

/** Every row that a wrapped driver wrote carries the actor, and no other does. */
async function check(admin: pg.Pool): Promise<void> {
  const { rows } = await admin.query(
    `select count(*)::int as others from bench_rows where coalesce(actor, '') not in ('', '{"type":"user","id":"42"}')`,
  );
  const { rows: attributed } = await admin.query(`select count(*)::int as some from bench_rows where actor <> ''`);
  if (rows[0].others !== 0 || attributed[0].some === 0) throw new Error('rows with a wrong actor, or none at all');
}
