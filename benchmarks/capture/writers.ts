import type pg from 'pg';
import { type Figure, figure } from '../support/report.ts';
import { type Design, HAND, PLAIN, THREADLINE } from './designs.ts';
import { type Bench, measure, openPool } from './measure.ts';
import type { Workload } from './workloads.ts';

/** How many connections write at once. */
const WRITERS = 8;
/** Audited writers are to gain from company what others gain, but for noise. */
const GOAL = 0.95;
/** Nor are they to take more CPU for it. */
const CPU_GOAL = 1.05;

/** What they found out, and what the writers waited for. */
export interface WriterFindings {
  readonly figures: readonly Figure[];
  readonly notes: readonly string[];
}

/** How long a transaction stays open after its write, in milliseconds. */
const OPEN_MS = 10;

/**
 * Measures how much faster eight writers are than one, with and without capture, and samples what
 * they wait for. A lock, a sequence or a row that all of them need would show there, and where
 * transactions stay open after their write: whoever needs what another holds waits for its end. The
 * other workloads take all of the machine's cores, so that capture's CPU is itself in the way: how
 * much, the triggers by hand show.
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
    for (const workload of [...workloads, ...workloads.flatMap(stayingOpen)]) {
      const gains: number[] = [];
      const gainsByHand: number[] = [];
      const prices: number[] = [];
      for (let round = -1; round < rounds; round += 1) {
        const company = async (design: Design) => {
          const alone = await measure(one, workload, design);
          const together = await sampling(admin, design === THREADLINE ? waits : new Map(), () =>
            measure(many, workload, design),
          );
          return { gain: alone.wall / together.wall, price: together.cpu / alone.cpu };
        };
        const [audited, byHand, plain] = [await company(THREADLINE), await company(HAND), await company(PLAIN)];
        if (round < 0) continue;
        gains.push(audited.gain / plain.gain);
        gainsByHand.push(byHand.gain / plain.gain);
        prices.push(audited.price / plain.price);
      }
      const common = { case: `${workload.name}, ${WRITERS} writers`, unit: '' };
      figures.push(
        figure({
          ...common,
          metric: 'gain over one writer, threadline / no trigger',
          samples: gains,
          goal: GOAL,
        }),
        figure({ ...common, metric: 'gain over one writer, by hand / no trigger', samples: gainsByHand }),
        figure({
          ...common,
          metric: 'server CPU per row against one writer, threadline / no trigger',
          samples: prices,
          goal: CPU_GOAL,
          atMost: true,
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

/** The same writes, where a call is a single one, each in a transaction that stays open for a while. */
function stayingOpen({ name, rows, calls, statement }: Workload): readonly Workload[] {
  if (statement === undefined) return [];
  const open: Workload = {
    name: `${name}, each transaction open for ${OPEN_MS} ms`,
    rows,
    calls: Math.ceil(calls / 10),
    run: async (pool, table) => {
      const client = await pool.connect();
      try {
        await client.query('begin');
        await client.query(statement(table));
        await client.query(`select pg_sleep(${OPEN_MS / 1000})`);
        await client.query('commit');
      } finally {
        client.release();
      }
    },
  };
  return [open];
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
