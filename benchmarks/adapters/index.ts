import { readFileSync } from 'node:fs';
import { actor, runWithActor } from '../../src/index.ts';
import type { PostgresServer } from '../../test/support/postgres-server.ts';
import { type BenchOptions, type Figure, type Findings, figure } from '../support/report.ts';
import { type Contender, interleave, ratios } from '../support/rounds.ts';
import { DRIVERS, type Driver, handWritten, type Target } from './drivers.ts';
import { oneBatch } from './floor.ts';
import { slowWay } from './latency.ts';
import { type Ledger, openLedger } from './ledger.ts';
import { withBenchTable } from './table.ts';

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
/** No caller gets less than this part of what another gets. */
const FAIR = 0.5;
const HAND_WRITTEN = { local: 3, slow: 3.8 };

/** Measures what the adapters cost on tables without triggers. */
export function benchAdapters(options: BenchOptions): Promise<Findings> {
  return withBenchTable({}, async ({ server, target, admin, description }) => {
    const ledger = openLedger(admin, '%{"type":"user","id":"42"}');
    const figures = await runWithActor(actor.user('42'), () => measure(server, target, { ...options, ledger }));
    return { figures, notes: notesOf(description) };
  });
}

type Measuring = BenchOptions & { readonly ledger: Ledger };

async function measure(server: PostgresServer, target: Target, options: Measuring): Promise<readonly Figure[]> {
  const slow = await slowWay(target, server.port, SLOW_MS);
  const counted = await slowWay(target, server.port, 0);
  const figures: Figure[] = [];
  for (const name of Object.keys(DRIVERS)) {
    figures.push(...(await ratiosOf(name, 'local socket', target, options)));
    figures.push(...(await ratiosOf(name, `${SLOW_MS} ms each way`, slow.target, options, SLOW_GOAL)));
    figures.push(...(await concurrent(name, slow.target, options)));
    figures.push(...(await addedRoundTrips(name, counted, options.ledger)));
  }
  figures.push(...(await floor(target, options)));
  figures.push(...(await againstHandWritten('local socket', target, options, HAND_WRITTEN.local)));
  figures.push(...(await againstHandWritten(`${SLOW_MS} ms each way`, slow.target, options, HAND_WRITTEN.slow)));
  await slow.close();
  await counted.close();
  return figures;
}

async function ratiosOf(
  name: string,
  way: string,
  target: Target,
  options: Measuring,
  goal?: number,
): Promise<Figure[]> {
  const { raw, wrapped, end } = open(name, target, 1, options.ledger);
  const other = open(name, target, 1, options.ledger);
  const figures: Figure[] = [];
  for (const [title, { run, goal: local }] of Object.entries(CASES)) {
    const throughputs = await interleave(
      [
        repeat('raw', () => run(raw)),
        repeat('wrapped', () => run(wrapped)),
        repeat('another raw', () => run(other.raw)),
        repeat('another wrapped', () => run(other.wrapped)),
      ],
      options,
    );
    await options.ledger.settle(`${name}, ${title}, ${way}`);
    const common = { case: `${name}, ${title}, ${way}`, unit: '' };
    const pairs = [...ratios(throughputs, 'wrapped', 'raw'), ...ratios(throughputs, 'another wrapped', 'another raw')];
    figures.push(
      figure({ ...common, metric: 'wrapped / raw', samples: pairs, goal: goal ?? local }),
      // What two connections differ by that do the same.
      figure({ ...common, metric: 'another raw / raw', samples: ratios(throughputs, 'another raw', 'raw') }),
    );
  }
  await end();
  await other.end();
  return figures;
}

async function concurrent(name: string, target: Target, options: Measuring): Promise<Figure[]> {
  const { raw, wrapped, end } = open(name, target, CONCURRENT.connections, options.ledger);
  // Exactly so many inserts, whoever makes them: the figure is made of what was asked for.
  const crowd = (driver: Driver) => async (times: number) => {
    let left = times;
    const caller = async () => {
      while (left-- > 0) await driver.insert();
    };
    await Promise.all(Array.from({ length: CONCURRENT.callers }, caller));
  };
  const contenders = [
    { name: 'raw', run: crowd(raw) },
    { name: 'wrapped', run: crowd(wrapped) },
  ];
  // Long enough for every caller to take part in a round several times.
  const throughputs = await interleave(contenders, {
    ...options,
    turns: 1,
    roundMs: Math.max(options.roundMs, options.quick ? 0 : 1500),
  });
  const served = await servedPerCaller(wrapped, CONCURRENT.callers * (options.quick ? 2 : 10));
  const title = `${name}, ${CONCURRENT.callers} callers on ${CONCURRENT.connections} connections, insert, ${SLOW_MS} ms each way`;
  await options.ledger.settle(title);
  await end();
  const samples = ratios(throughputs, 'wrapped', 'raw');
  return [
    figure({ case: title, metric: 'wrapped / raw', unit: '', samples, goal: CONCURRENT_GOALS[name] }),
    figure({
      case: title,
      metric: 'least / best served caller',
      unit: '',
      samples: [Math.min(...served) / Math.max(...served)],
      goal: FAIR,
    }),
  ];
}

/** How many of `total` inserts each caller got done, all of them asking again as soon as they are answered. */
async function servedPerCaller(driver: Driver, total: number): Promise<readonly number[]> {
  const served = new Array<number>(CONCURRENT.callers).fill(0);
  let left = total;
  const caller = async (_: unknown, index: number) => {
    while (left > 0) {
      await driver.insert();
      left -= 1;
      served[index] = (served[index] ?? 0) + 1;
    }
  };
  await Promise.all(served.map(caller));
  return served;
}

async function addedRoundTrips(
  name: string,
  way: { target: Target; roundTrips(): Promise<number> },
  ledger: Ledger,
): Promise<Figure[]> {
  const { raw, wrapped, end } = open(name, way.target, 1, ledger);
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
  await ledger.settle(`${name}, round trips`);
  return figures;
}

/** What no adapter of pg can surpass: the same batch, sent by somebody who knows it beforehand. */
async function floor(target: Target, options: Measuring): Promise<Figure[]> {
  const { raw, end } = open('pg', target, 1, options.ledger);
  const batch = options.ledger.counted({ ...raw, ...oneBatch(target) }, true);
  const figures: Figure[] = [];
  const inserts = Object.entries(CASES).filter(([title]) => title.includes('insert'));
  for (const [title, { run }] of inserts) {
    const throughputs = await interleave([repeat('raw', () => run(raw)), repeat('floor', () => run(batch))], options);
    const samples = ratios(throughputs, 'floor', 'raw');
    figures.push(
      figure({ case: `pg, ${title}, local socket`, metric: 'floor: the batch by hand / raw', unit: '', samples }),
    );
  }
  await options.ledger.settle('floor');
  await batch.end();
  await end();
  return figures;
}

async function againstHandWritten(way: string, target: Target, options: Measuring, goal: number): Promise<Figure[]> {
  const { raw, wrapped, end } = open('pg', target, 1, options.ledger);
  const byHand = handWritten(target, 1);
  const contenders = [
    repeat('by hand', () => {
      options.ledger.add(1, true);
      return byHand.insert();
    }),
    repeat('wrapped', () => wrapped.insert()),
    repeat('raw', () => raw.insert()),
  ];
  const throughputs = await interleave(contenders, options);
  await options.ledger.settle(`by hand, ${way}`);
  await byHand.end();
  await end();
  const common = { case: `pg, insert, ${way}`, unit: '' };
  const alternative = 'BEGIN, set_config, insert, COMMIT by hand';
  return [
    figure({ ...common, metric: `wrapped / ${alternative}`, samples: ratios(throughputs, 'wrapped', 'by hand'), goal }),
    // What no adapter can surpass.
    figure({ ...common, metric: `raw / ${alternative}`, samples: ratios(throughputs, 'raw', 'by hand') }),
  ];
}

function open(
  name: string,
  target: Target,
  max: number,
  ledger: Ledger,
): { raw: Driver; wrapped: Driver; end(): Promise<unknown> } {
  const connect = DRIVERS[name];
  if (!connect) throw new Error(`there is no driver named ${name}`);
  const raw = ledger.counted(connect(target, { max, attributed: false }), false);
  const wrapped = ledger.counted(connect(target, { max, attributed: true }), true);
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

function notesOf(server: string): readonly string[] {
  const versions = Object.keys(DRIVERS).map((name) => {
    const { version } = JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8')) as { version: string };
    return `${name} ${version}`;
  });
  return [
    `${server}; ${versions.join(', ')}`,
    'local socket: a UNIX socket; with latency and for round trips: TCP through a proxy on 127.0.0.1; a table without triggers',
  ];
}
