import pg from 'pg';
import type { PostgresServer } from '../../test/support/postgres-server.ts';
import { PLAIN, THREADLINE } from '../capture/designs.ts';
import { measure } from '../capture/measure.ts';
import { CONNECTIONS, type OpenBench, openBench } from '../capture/open-bench.ts';
import { SIZES, type Sizes, type Workload, workloadsOf } from '../capture/workloads.ts';
import { startBenchServer } from '../support/bench-server.ts';
import { type BenchOptions, type Figure, type Findings, figure } from '../support/report.ts';

const COMPARED = [PLAIN, THREADLINE];
/** How much the ratio to no trigger may grow along with the log. */
const GOAL = 1.15;

/** A database with the tables of the benchmark, and a log that held some changes before. */
interface Grown {
  readonly changes: number;
  readonly bench: OpenBench;
  readonly workloads: readonly Workload[];
}

/** Measures whether capture costs the same whatever the log holds: nothing, a tenth of `changes`, and `changes`. */
export async function benchGrowth({ quick, rounds, changes: wanted }: BenchOptions): Promise<Findings> {
  const most = quick ? 1000 : wanted;
  const sizes = quick ? SIZES.quick : SIZES.whole;
  const server = await startBenchServer();
  try {
    const empty = await grow(server, 0, sizes);
    const grown = [empty, await grow(server, most / 10, sizes), await grow(server, most, sizes)];
    const figures = figuresOf(grown, await ratiosOf(grown, rounds));
    const notes = [await server.describe(empty.bench.admin), noteOf(sizes)];
    for (const { bench } of grown) await bench.end();
    return { figures, notes };
  } finally {
    await server.stop();
  }
}

function noteOf({ rows, bulk }: Sizes): string {
  return `Three databases of one server, measured in turns; in each a table of ${rows} rows, ${CONNECTIONS} connections on a local socket; bulk is ${bulk} rows a statement. x is the ratio to the same table without a trigger in the same round.`;
}

async function grow(server: PostgresServer, changes: number, sizes: Sizes): Promise<Grown> {
  const database = `log_of_${changes}`;
  const cluster = new pg.Client({
    host: server.socketDirectory,
    port: server.port,
    user: server.user,
    database: 'postgres',
  });
  await cluster.connect();
  await cluster.query(`create database ${database}`);
  await cluster.end();
  const bench = await openBench(server, { database, designs: COMPARED, sizes, changes });
  return { changes, bench, workloads: workloadsOf(sizes) };
}

/** The server CPU of Threadline against no trigger, by workload and size of the log: a figure a round. */
type Ratios = ReadonlyMap<string, readonly number[]>;

async function ratiosOf(grown: readonly Grown[], rounds: number): Promise<Ratios> {
  const ratios = new Map<string, number[]>();
  // The first round warms up and does not count.
  for (let round = -1; round < rounds; round += 1) {
    for (const [position, { name }] of namesOf(grown))
      for (const { changes, bench, workloads } of grown) {
        const workload = workloads[position] as Workload;
        const plain = await measure(bench, workload, PLAIN);
        const audited = await measure(bench, workload, THREADLINE);
        const key = keyOf(name, changes);
        if (round >= 0) ratios.set(key, [...(ratios.get(key) ?? []), audited.cpu / plain.cpu]);
      }
    for (const { bench } of grown) for (const { table } of COMPARED) await bench.admin.query(`vacuum ${table}`);
  }
  return ratios;
}

function namesOf(grown: readonly Grown[]): IterableIterator<[number, Workload]> {
  return (grown[0]?.workloads ?? []).entries();
}

function keyOf(workload: string, changes: number): string {
  return `${workload} / ${changes}`;
}

function figuresOf(grown: readonly Grown[], ratios: Ratios): readonly Figure[] {
  return [...namesOf(grown)].flatMap(([, { name }]) => {
    const of = (changes: number) => ratios.get(keyOf(name, changes)) ?? [];
    const empty = of(0);
    return grown.flatMap(({ changes }) => {
      const samples = of(changes);
      const over = figure({ case: name, metric: `after ${changes} changes: server CPU`, unit: 'x', samples });
      if (changes === 0) return [over];
      const growth = samples.map((sample, round) => sample / (empty[round] ?? Number.NaN));
      return [
        over,
        figure({
          case: name,
          metric: `after ${changes} changes / after none`,
          unit: '',
          samples: growth,
          goal: GOAL,
          atMost: true,
        }),
      ];
    });
  });
}
