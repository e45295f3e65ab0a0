import { cpus, totalmem } from 'node:os';
import { median } from './rounds.ts';

/** One figure of a benchmark. `goal` and `ok` are null where none was asked for. */
export interface Figure {
  readonly case: string;
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
  readonly goal: number | null;
  readonly ok: boolean | null;
  readonly samples: readonly number[];
}

/** What a figure is made of; `atMost` turns the goal around. */
export interface Measured {
  readonly case: string;
  readonly metric: string;
  readonly unit: string;
  readonly samples: readonly number[];
  readonly goal?: number | undefined;
  readonly atMost?: boolean;
  /** How far an `atMost` goal may be exceeded by noise. */
  readonly tolerance?: number;
}

/** The figure out of some samples: their median, held against the goal. */
export function figure({ goal, atMost, tolerance = 0, samples, ...rest }: Measured): Figure {
  const value = median(samples);
  const met = goal === undefined ? null : atMost ? value <= goal + tolerance : value >= goal;
  return { case: rest.case, metric: rest.metric, value, unit: rest.unit, goal: goal ?? null, ok: met, samples };
}

/** Options that every benchmark takes. */
export interface BenchOptions {
  readonly json: boolean;
  readonly quick: boolean;
  /** Whether the findings go into docs/performance.md as well. */
  readonly write: boolean;
  readonly rounds: number;
  readonly roundMs: number;
  /** How many turns of a contender make up a round. */
  readonly turns: number;
  /** How many changes the log holds before anything is measured. */
  readonly changes: number;
  /** How many statements a benchmark of memory sends. */
  readonly statements: number;
}

/** What a benchmark found; `notes` are lines for people: the server, the versions, what to know. */
export interface Findings {
  readonly figures: readonly Figure[];
  readonly notes: readonly string[];
}

/** Prints a table for people, or one JSON array and nothing else. */
export function print({ figures, notes }: Findings, options: BenchOptions): void {
  if (options.json) {
    const entries = figures.map((entry) => ({ ...entry, value: round(entry.value) }));
    process.stdout.write(`${JSON.stringify(entries, null, 1)}\n`);
    return;
  }
  const [header = [], ...rows] = tableOf(figures);
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const lines = [header, widths.map((width) => '-'.repeat(width)), ...rows].map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  process.stdout.write(`${[`${machine(options)}`, ...notes, '', ...lines].join('\n')}\n`);
}

/** What it was measured on, and for how long. */
export function machine({ quick, rounds, roundMs }: BenchOptions): string {
  const { model } = cpus()[0] ?? { model: 'unknown' };
  const length = roundMs > 0 ? ` of ${roundMs} ms` : '';
  return `${model}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB; Node ${process.version}; ${rounds} rounds${length}${quick ? '; QUICK: not to be quoted' : ''}`;
}

/** The figures as rows of text under a header. */
export function tableOf(figures: readonly Figure[]): readonly (readonly string[])[] {
  const rows = figures.map(({ value, samples, goal, ok, ...entry }) => [
    entry.case,
    entry.metric,
    `${round(value)}${entry.unit === '' ? '' : ` ${entry.unit}`}`,
    `${round(Math.min(...samples))} to ${round(Math.max(...samples))}`,
    goal === null ? '' : String(goal),
    ok === null ? '' : ok ? 'yes' : 'NO',
  ]);
  return [['case', 'metric', 'median', 'range', 'goal', 'met'], ...rows];
}

function round(value: number): number {
  return value >= 100 ? Math.round(value) : Number(value.toPrecision(3));
}
