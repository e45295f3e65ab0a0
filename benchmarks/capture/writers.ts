import type pg from 'pg';
import { type Figure, figure } from '../support/report.ts';
import { type Design, PLAIN, THREADLINE } from './designs.ts';
import { type Bench, measure, openPool } from './measure.ts';
import type { Workload } from './workloads.ts';

/** How many connections write at once. */
const WRITERS = 8;
/** Audited writers are to gain from company what others gain, but for noise. */
const GOAL = 0.95;

/** What they found out, and what the writers waited for. */
export interface WriterFindings {
  readonly figures: readonly Figure[];
  readonly notes: readonly string[];
}

/**
 * Measures how much faster eight writers are than one, with and without capture, and samples what
 * they wait for: a lock, a sequence or a row that all of them need would show in both.
 */
export async function measureWriters(
  { admin, postmaster }: Bench,
  config: pg.PoolConfig,
  { workloads, rounds }: { readonly workloads: readonly Workload[]; readonly rounds: number },
): Promise<WriterFindings> {
  const one = { pool: await openPool(config, 1), admin, postmaster, callers: 1 };
  const many = { pool: await openPool(config, WRITERS), admin, postmaster, callers: WRITERS };
  const waits = new Map<string, number>();
  try {
    const figures: Figure[] = [];
    for (const workload of workloads) {
      const samples: number[] = [];
      for (let round = -1; round < rounds; round += 1) {
        const gain = async (design: Design) => {
          const alone = await measure(one, workload, design);
          const together = await sampling(admin, design === THREADLINE ? waits : new Map(), () =>
            measure(many, workload, design),
          );
          return alone.wall / together.wall;
        };
        const ratio = (await gain(THREADLINE)) / (await gain(PLAIN));
        if (round >= 0) samples.push(ratio);
      }
      figures.push(
        figure({
          case: `${workload.name}, ${WRITERS} writers`,
          metric: 'gain over one writer, threadline / no trigger',
          unit: '',
          samples,
          goal: GOAL,
        }),
      );
    }
    const seen = [...waits].sort((a, b) => b[1] - a[1]).map(([event, times]) => `${event} ${times}`);
    return { figures, notes: [`What ${WRITERS} audited writers were seen at (pg_stat_activity): ${seen.join(', ')}.`] };
  } finally {
    await one.pool.end();
    await many.pool.end();
  }
}

/** Counts by wait event what the writers are at while something runs. */
async function sampling<T>(admin: pg.Pool, waits: Map<string, number>, fn: () => Promise<T>): Promise<T> {
  let isRunning = true;
  const samples = (async () => {
    while (isRunning) {
      const { rows } = await admin.query(
        `select coalesce(wait_event_type || ': ' || wait_event, 'CPU') as at, count(*)::int as times
         from pg_stat_activity
         where backend_type = 'client backend' and state = 'active' and pid <> pg_backend_pid() group by 1`,
      );
      for (const { at, times } of rows) waits.set(at, (waits.get(at) ?? 0) + times);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  try {
    return await fn();
  } finally {
    isRunning = false;
    await samples;
  }
}
