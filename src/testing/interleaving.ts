import assert from 'node:assert/strict';
import { actor } from '../core/actor.ts';
import { runDetached, runWithContext } from '../core/store.ts';
import { type Bench, type ConformanceTest, INSERT, type Write, writes } from './bench.ts';
import { outcome } from './outcome.ts';
import { actorsOf, type Step, writeProgram } from './program.ts';
import { seededRandom } from './random.ts';

const WORKERS = 16;
const CONNECTIONS = 3;

/** Everything at once, at random: many contexts, few connections. */
export const interleavingTests: readonly ConformanceTest[] = [
  {
    name: 'random programs of sixteen contexts on three connections: nothing misattributed, lost or changed',
    async run(bench) {
      bench.note(`seed ${bench.seed}, ${bench.statements} statements`);
      const programs = Array.from({ length: WORKERS }, (_, worker) =>
        writeProgram({
          worker,
          random: seededRandom(bench.seed + worker * 7919),
          lazy: bench.harness.lazy !== undefined,
          nested: bench.harness.nested !== undefined,
          statements: Math.ceil(bench.statements / WORKERS),
        }),
      );
      const attributed = await runAll(bench, await bench.open(CONNECTIONS), programs);
      const found = await writes(bench);
      const rawHandle = await bench.openRaw(CONNECTIONS);
      await bench.harness.run(rawHandle, 'truncate conformance.writes restart identity', []);
      const raw = await runAll(bench, rawHandle, programs);
      const wanted = await writes(bench, rawHandle);
      const none = { misattributed: [], lost: [], unexpected: [] };
      assert.deepEqual(differences(actorsOf(programs.flat()), found, wanted), none);
      assert.deepEqual(attributed, raw, 'what the application sees');
    },
  },
];

/** Runs every program at the same time and returns what each saw. */
function runAll(bench: Bench, handle: unknown, programs: readonly (readonly Step[])[]): Promise<unknown[]> {
  return Promise.all(
    programs.map(async (steps, worker) => {
      const seen: unknown[] = [];
      await runSteps({ bench, worker, seen, on: handle, inTransaction: false }, steps);
      return seen;
    }),
  );
}

interface Place {
  readonly bench: Bench;
  readonly worker: number;
  readonly seen: unknown[];
  /** What statements are run on. */
  readonly on: unknown;
  readonly inTransaction: boolean;
}

async function runSteps(place: Place, steps: readonly Step[]): Promise<void> {
  for (const step of steps) await runStep(place, step);
}

const ROLLBACK = new Error('rolled back on purpose');

async function runStep(place: Place, step: Step): Promise<void> {
  const { bench, on, seen, worker } = place;
  const { harness } = bench;
  switch (step.kind) {
    case 'insert':
      seen.push((await harness.run(on, INSERT, [step.label]))[0]?.['label']);
      return;
    case 'lazy': {
      const { query } = asActor(step.builder, () => ({ query: harness.lazy?.(on, INSERT, [step.label]) }));
      await query;
      return;
    }
    case 'read':
      seen.push(
        await harness.run(on, 'select count(*)::text as count from conformance.writes where label like $1', [
          `w${worker}-%`,
        ]),
      );
      return;
    case 'failure':
      seen.push((await outcome(() => harness.run(on, 'select * from conformance.absent', []))).error?.message);
      return;
    case 'as':
      return asActor(step.actor, () => runSteps(place, step.steps));
    case 'transaction':
      return orRolledBack(harness.transaction(on, (tx) => within({ ...place, on: tx, inTransaction: true }, step)));
    case 'savepoint':
      if (step.how === 'driver')
        return orRolledBack(harness.nested?.(on, (inner) => within({ ...place, on: inner }, step)));
      return savepoint(place, step);
  }
}

async function within(place: Place, { steps, kept }: { steps: readonly Step[]; kept: boolean }): Promise<void> {
  await runSteps(place, steps);
  if (!kept) throw ROLLBACK;
}

async function orRolledBack(block: PromiseLike<unknown> | undefined): Promise<void> {
  try {
    await block;
  } catch (error) {
    // Some drivers throw a copy.
    if (!(error instanceof Error) || !error.message.includes(ROLLBACK.message)) throw error;
  }
}

async function savepoint(place: Place, { name, kept, steps }: Step & { kind: 'savepoint' }): Promise<void> {
  const { bench, on } = place;
  await bench.harness.run(on, `savepoint ${name}`, []);
  await runSteps(place, steps);
  await bench.harness.run(on, kept ? `release savepoint ${name}` : `rollback to savepoint ${name}`, []);
}

function asActor<T>(id: string | undefined, fn: () => T): T {
  if (id === undefined) return runDetached(fn);
  return runWithContext({ actor: actor.user(id), correlationId: `c-${id}` }, fn);
}

type Actors = ReadonlyMap<string, string | undefined>;

/** The first few of each kind of difference from what the driver writes without the adapter, and from who it belongs to. */
function differences(actors: Actors, found: readonly Write[], wanted: readonly Write[]): Record<string, unknown[]> {
  const labels = (list: readonly Write[]) => new Set(list.map(({ label }) => label));
  const [written, toWrite] = [labels(found), labels(wanted)];
  const misattributed = found.filter(({ label, actor: id, correlation }) => {
    const actorId = actors.get(label);
    return id !== (actorId ?? null) || correlation !== (actorId === undefined ? null : `c-${actorId}`);
  });
  return {
    misattributed: misattributed.slice(0, 5).map((one) => ({ ...one, wanted: actors.get(one.label) })),
    lost: [...toWrite].filter((label) => !written.has(label)).slice(0, 5),
    unexpected: [...written].filter((label) => !toWrite.has(label)).slice(0, 5),
  };
}
