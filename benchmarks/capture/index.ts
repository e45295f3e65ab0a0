import { startBenchServer } from '../support/bench-server.ts';
import { type BenchOptions, type Figure, type Findings, figure } from '../support/report.ts';
import { rotate } from '../support/rounds.ts';
import { CHANGED, DESIGNS, type Design, HAND, HAND_CHANGED, PLAIN, THREADLINE, USUAL } from './designs.ts';
import { type Bench, type Cost, meanOf, measure } from './measure.ts';
import { CONNECTIONS, openBench } from './open-bench.ts';
import { SIZES, type Sizes, type Workload, workloadsOf } from './workloads.ts';
import { measureWriters } from './writers.ts';

/** The most that a workload is to cost, in server CPU against the same table without a trigger. */
const GOALS: Readonly<Record<string, number>> = {
  insert: 1.5,
  update: 1.9,
  '20 updates in a transaction': 2.4,
  'bulk insert': 2,
  'bulk update': 2.9,
  'bulk delete': 11,
};
const CHANGED_GOALS: Readonly<Record<string, number>> = { 'bulk update': 2.4 };
const USUAL_GOALS: Readonly<Record<string, number>> = { 'bulk update': 3, '20 updates in a transaction': 3 };
/** Added CPU against the triggers written by hand. */
const HAND_GOAL = 1.1;
const BYTES = { wal: 1350, stored: 370 };

/** Measures what capture costs: six workloads on the same table, audited in several ways. */
export async function benchCapture(options: BenchOptions): Promise<Findings> {
  const sizes = options.quick ? SIZES.quick : SIZES.whole;
  const changes = options.quick ? 1000 : options.changes;
  const server = await startBenchServer();
  try {
    const bench = await openBench(server, { database: 'postgres', designs: DESIGNS, sizes, changes });
    const workloads = workloadsOf(sizes);
    const figures = await measureAll(bench, workloads, options);
    const small = workloads.filter(({ calls }) => calls > 1);
    const writers = await measureWriters(bench, bench.config, { workloads: small, rounds: options.rounds });
    const notes = [...notesOf(await server.describe(bench.admin), sizes, options), ...writers.notes];
    await bench.end();
    return { figures: [...figures, ...writers.figures], notes };
  } finally {
    await server.stop();
  }
}

function notesOf(server: string, { rows, bulk }: Sizes, { changes }: BenchOptions): readonly string[] {
  return [
    server,
    `A table of 13 columns with a primary key and three more indexes, ${rows} rows; ${CONNECTIONS} connections on a local socket; bulk is ${bulk} rows a statement; the log held ${changes} changes before.`,
    'x is the ratio to the same table without a trigger, written to under the same settings, in the same round.',
  ];
}

/** Costs by workload and design, a figure a round. */
type Costs = ReadonlyMap<string, readonly Cost[]>;

async function measureAll(
  bench: Bench,
  workloads: readonly Workload[],
  { rounds }: BenchOptions,
): Promise<readonly Figure[]> {
  const costs = new Map<string, Cost[]>();
  // The first round warms up and does not count.
  for (let round = -1; round < rounds; round += 1) {
    const designs = rotate(DESIGNS, round + 1);
    for (const workload of workloads) {
      const taken = new Map<Design, Cost>();
      // There and back, so that what the machine gains or loses on the way is nobody's.
      for (const design of [...designs, ...[...designs].reverse()]) {
        const cost = await measure(bench, workload, design);
        const first = taken.get(design);
        taken.set(design, first === undefined ? cost : meanOf(first, cost));
      }
      if (round < 0) continue;
      for (const [design, cost] of taken) {
        const key = keyOf(workload.name, design);
        costs.set(key, [...(costs.get(key) ?? []), cost]);
      }
    }
    for (const { table } of DESIGNS) await bench.admin.query(`vacuum ${table}`);
  }
  return workloads.flatMap(({ name }) => figuresOf(name, costs));
}

function keyOf(workload: string, design: Design): string {
  return `${workload} / ${design.name}`;
}

function figuresOf(workload: string, costs: Costs): readonly Figure[] {
  const of = (design: Design) => costs.get(keyOf(workload, design)) ?? [];
  const plain = of(PLAIN);
  const over = (design: Design, what: 'cpu' | 'wall') =>
    of(design).map((cost, round) => cost[what] / (plain[round]?.[what] ?? Number.NaN));
  const added = (design: Design) => of(design).map((cost, round) => cost.cpu - (plain[round]?.cpu ?? Number.NaN));
  const ratio = (one: readonly number[], other: readonly number[]) =>
    one.map((value, round) => value / (other[round] ?? Number.NaN));
  const figures: Figure[] = [
    figure({ case: workload, metric: 'no trigger: server CPU', unit: 'us', samples: plain.map(({ cpu }) => cpu) }),
  ];
  for (const design of DESIGNS.slice(1)) {
    const goal = design === THREADLINE ? GOALS[workload] : design === CHANGED ? CHANGED_GOALS[workload] : undefined;
    figures.push(
      figure({
        case: workload,
        metric: `${design.name}: server CPU`,
        unit: 'x',
        samples: over(design, 'cpu'),
        goal,
        atMost: true,
      }),
      figure({ case: workload, metric: `${design.name}: wall`, unit: 'x', samples: over(design, 'wall') }),
    );
  }
  for (const [design, floor] of [
    [THREADLINE, HAND],
    [CHANGED, HAND_CHANGED],
  ] as const)
    figures.push(
      figure({
        case: workload,
        metric: `${design.name} / ${floor.name}: added CPU`,
        unit: 'x',
        samples: ratio(added(design), added(floor)),
        goal: HAND_GOAL,
        atMost: true,
      }),
    );
  figures.push(
    figure({
      case: workload,
      metric: 'usual design / threadline: added CPU',
      unit: 'x',
      samples: ratio(added(USUAL), added(THREADLINE)),
      goal: USUAL_GOALS[workload],
    }),
  );
  if (workload === 'bulk update')
    for (const design of DESIGNS)
      for (const what of ['wal', 'stored'] as const)
        figures.push(
          figure({
            case: workload,
            metric: `${design.name}: ${what === 'wal' ? 'WAL' : 'stored'} per row`,
            unit: 'B',
            samples: of(design).map((cost) => cost[what]),
            goal: design === CHANGED ? BYTES[what] : undefined,
            atMost: true,
          }),
        );
  return figures;
}
