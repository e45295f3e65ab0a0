/** One thing that is measured beside others: `run` does its work `times` times. */
export interface Contender {
  readonly name: string;
  run(times: number): Promise<void>;
}

/** How long and how often to measure. */
export interface RoundOptions {
  /** How many rounds are counted, after one that is not. */
  readonly rounds: number;
  /** How long one contender runs in a round, in milliseconds. */
  readonly roundMs: number;
}

/** Operations per second of each contender, by its name: a figure a round. */
export type Throughputs = ReadonlyMap<string, readonly number[]>;

/**
 * Measures contenders side by side: each runs once a round, the order turns with every round, so
 * that whatever the machine does meanwhile hits them alike.
 */
export async function interleave(
  contenders: readonly Contender[],
  { rounds, roundMs }: RoundOptions,
): Promise<Throughputs> {
  const times = new Map<string, number>();
  for (const contender of contenders) times.set(contender.name, await calibrate(contender, roundMs));
  const figures = new Map(contenders.map(({ name }) => [name, [] as number[]]));
  for (let round = 0; round < rounds; round += 1) {
    for (const contender of rotate(contenders, round)) {
      const count = times.get(contender.name) ?? 1;
      figures.get(contender.name)?.push(count / (await seconds(() => contender.run(count))));
    }
  }
  return figures;
}

/** The middle of some figures. */
export function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** The quotients of two contenders, round by round. */
export function ratios(figures: Throughputs, of: string, to: string): readonly number[] {
  const bases = figures.get(to) ?? [];
  return (figures.get(of) ?? []).map((figure, round) => figure / (bases[round] ?? Number.NaN));
}

/** How many times a contender has to run to fill a round; warms it up on the way. */
async function calibrate(contender: Contender, roundMs: number): Promise<number> {
  for (let times = 4; ; times *= 2) {
    const taken = (await seconds(() => contender.run(times))) * 1000;
    if (taken >= roundMs / 4) return Math.max(1, Math.round((times * roundMs) / taken));
  }
}

async function seconds(run: () => Promise<void>): Promise<number> {
  const start = process.hrtime.bigint();
  await run();
  return Number(process.hrtime.bigint() - start) / 1e9;
}

function rotate<T>(list: readonly T[], by: number): readonly T[] {
  const start = by % list.length;
  return [...list.slice(start), ...list.slice(0, start)];
}
