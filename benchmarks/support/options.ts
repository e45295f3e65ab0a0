import { parseArgs } from 'node:util';
import type { BenchOptions } from './report.ts';

/** Reads the options that every benchmark takes from the command line. */
export function readOptions(defaults: {
  readonly rounds: number;
  readonly roundMs: number;
  readonly changes: number;
}): BenchOptions {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      'round-ms': { type: 'string' },
      changes: { type: 'string' },
      statements: { type: 'string' },
    },
    allowPositionals: true,
  });
  return {
    json: values.json,
    quick: values.quick,
    write: values.write && !values.quick,
    rounds: Number(values.rounds ?? (values.quick ? 1 : defaults.rounds)),
    changes: Number(values.changes ?? defaults.changes),
    roundMs: Number(values['round-ms'] ?? (values.quick ? 30 : defaults.roundMs)),
    turns: values.quick ? 1 : 10,
    statements: Number(values.statements ?? (values.quick ? 2_000 : 200_000)),
  };
}
