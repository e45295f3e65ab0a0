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
  /** How many turns of a contender make up a round: the shorter one is, the less the machine changes meanwhile. */
  readonly turns: number;
}

/** Operations per second of each contender, by its name: a figure a round. */
export type Throughputs = ReadonlyMap<string, readonly number[]>;

/**
 * Measures contenders side by side: in each round they take turns, in an order that goes round, so
 * that whatever the machine does meanwhile hits them alike.
 */
export async function interleave(
  contenders: readonly Contender[],
  { rounds, roundMs, turns }: RoundOptions,
): Promise<Throughputs> {
  const times = new Map<string, number>();
  for (const contender of contenders) times.set(contender.name, await calibrate(contender, roundMs / turns));
  const figures = new Map(contenders.map(({ name }) => [name, [] as number[]]));
  for (let round = 0; round < rounds; round += 1) {
    const taken = new Map(contenders.map(({ name }) => [name, 0]));
    for (let turn = 0; turn < turns; turn += 1)
      for (const { name, run } of rotate(contenders, round + turn))
        taken.set(name, (taken.get(name) ?? 0) + (await seconds(() => run(times.get(name) ?? 1))));
    for (const [name, total] of taken) figures.get(name)?.push((turns * (times.get(name) ?? 1)) / total);
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

/** How many times a contender has to run to fill a turn; warms it up on the way. */
async function calibrate(contender: Contender, turnMs: number): Promise<number> {
  for (let times = 4; ; times *= 2) {
    const taken = (await seconds(() => contender.run(times))) * 1000;
    if (taken >= turnMs / 4) return Math.max(1, Math.round((times * turnMs) / taken));
  }
}

async function seconds(run: () => Promise<void>): Promise<number> {
  const start = process.hrtime.bigint();
  await run();
  return Number(process.hrtime.bigint() - start) / 1e9;
}

/** A list that begins with its element number `by`. */
export function rotate<T>(list: readonly T[], by: number): readonly T[] {
  const start = by % list.length;
  return [...list.slice(start), ...list.slice(0, start)];
}
