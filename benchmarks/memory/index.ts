import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { actor, runWithActor } from '../../src/index.ts';
import { DRIVERS, type Target } from '../adapters/drivers.ts';
import { type Ledger, openLedger } from '../adapters/ledger.ts';
import { withBenchTable } from '../adapters/table.ts';
import { type BenchOptions, type Figure, type Findings, figure } from '../support/report.ts';

const POINTS = 10;
/** Statements that are under way at the same time, on one connection. */
const AT_ONCE = 100;
/** Below the eight bytes that one reference kept for every statement would take. */
const TOLERANCE = 4;

/** Measures how much heap stays behind when every statement comes with a context of its own. */
export function benchMemory({ statements }: BenchOptions): Promise<Findings> {
  return withBenchTable({ synchronous_commit: 'off' }, async ({ admin, target, description }) => {
    const ledger = openLedger(admin, '%{"type":"user","id":"%"}');
    const notes = [description];
    const figures: Figure[] = [];
    for (const name of Object.keys(DRIVERS))
      figures.push(await heapGrowth(name, { target, statements, ledger, note: (line) => notes.push(line) }));
    return { figures, notes };
  });
}

interface HeapOptions {
  readonly target: Target;
  readonly statements: number;
  /** Accepts any actor. */
  readonly ledger: Ledger;
  note(line: string): void;
}

async function heapGrowth(name: string, { target, statements, ledger, note }: HeapOptions): Promise<Figure> {
  const driver = DRIVERS[name]?.(target, { max: 1, attributed: true });
  if (!driver) throw new Error(`there is no driver named ${name}`);
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const each = Math.max(1, Math.ceil(statements / POINTS / AT_ONCE)) * AT_ONCE;
  const used: number[] = [];
  // The first stretch warms caches up to their bounds; growth counts from its end.
  for (let point = 0; point <= POINTS; point += 1) {
    for (let index = 0; index < each; index += AT_ONCE)
      await Promise.all(
        Array.from({ length: AT_ONCE }, (_, number) =>
          runWithActor(actor.user(`${point}-${index + number}`), () => driver.insert()),
        ),
      );
    ledger.add(each, true);
    await ledger.settle(`${name}, heap`);
    collect();
    used.push(process.memoryUsage().heapUsed);
    // The millions take an hour: what is known of them by now.
    process.stderr.write(`${name}, ${(point + 1) * each} statements: ${inMiB(used)}\n`);
  }
  await driver.end();
  const samples = used.slice(1).map((bytes, index) => (bytes - (used[index] ?? bytes)) / each);
  note(`heap of ${name} in MiB, every ${each} statements: ${inMiB(used)} (tolerance: ${TOLERANCE} bytes a statement)`);
  return figure({
    case: `${name}, ${each * POINTS} inserts, each in a new context, on one connection`,
    metric: 'heap growth per statement',
    unit: 'B',
    samples,
    goal: 0,
    atMost: true,
    tolerance: TOLERANCE,
  });
}

function inMiB(bytes: readonly number[]): string {
  return bytes.map((count) => (count / 2 ** 20).toFixed(1)).join(' ');
}
