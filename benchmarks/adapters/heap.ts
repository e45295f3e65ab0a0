import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { actor, runWithActor } from '../../src/index.ts';
import { type Figure, figure } from '../support/report.ts';
import { DRIVERS, type Target } from './drivers.ts';
import type { Ledger } from './ledger.ts';

const POINTS = 10;
/** Below the eight bytes that one reference kept for every statement would take. */
const TOLERANCE = 4;

/** How much heap stays behind for each statement, when every statement comes with a context of its own. */
export async function heapGrowth(name: string, target: Target, use: HeapOptions): Promise<Figure> {
  const driver = DRIVERS[name]?.(target, { max: 1, attributed: true });
  if (!driver) throw new Error(`there is no driver named ${name}`);
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const each = Math.max(1, Math.ceil(use.statements / POINTS));
  const used: number[] = [];
  // The first stretch warms caches up to their bounds; growth counts from its end.
  for (let point = 0; point <= POINTS; point += 1) {
    for (let index = 0; index < each; index += 1)
      await runWithActor(actor.user(`${point}-${index}`), () => driver.insert());
    use.ledger.add(each, true);
    await use.ledger.settle(`${name}, heap`);
    collect();
    used.push(process.memoryUsage().heapUsed);
  }
  await driver.end();
  const samples = used.slice(1).map((bytes, index) => (bytes - (used[index] ?? bytes)) / each);
  const points = used.map((bytes) => (bytes / 2 ** 20).toFixed(1)).join(' ');
  use.note(`heap of ${name} in MiB, every ${each} statements: ${points} (tolerance: ${TOLERANCE} bytes a statement)`);
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

/** What `heapGrowth` needs beside the driver; the ledger accepts any actor. */
export interface HeapOptions {
  readonly statements: number;
  readonly ledger: Ledger;
  note(line: string): void;
}
