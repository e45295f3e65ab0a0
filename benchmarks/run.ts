// Runs the benchmarks that are named on the command line, or all of them.
import { benchAdapters } from './adapters/index.ts';
import { benchCapture } from './capture/index.ts';
import { benchGrowth } from './growth/index.ts';
import { benchMemory } from './memory/index.ts';
import { benchQueries } from './queries/index.ts';
import { readOptions } from './support/options.ts';
import { writeSection } from './support/page.ts';
import { type Figure, print } from './support/report.ts';

const BENCHMARKS = {
  adapters: { run: benchAdapters, rounds: 9, roundMs: 300, changes: 0 },
  capture: { run: benchCapture, rounds: 5, roundMs: 0, changes: 0 },
  growth: { run: benchGrowth, rounds: 3, roundMs: 0, changes: 10_000_000 },
  memory: { run: benchMemory, rounds: 1, roundMs: 0, changes: 0 },
  queries: { run: benchQueries, rounds: 5, roundMs: 0, changes: 10_000_000 },
} as const;

const names = process.argv.slice(2).filter((argument) => !argument.startsWith('-') && Number.isNaN(Number(argument)));
const json: Figure[] = [];
for (const name of names.length > 0 ? names : Object.keys(BENCHMARKS)) {
  if (!(name in BENCHMARKS))
    throw new Error(`there is no benchmark ${name}; known: ${Object.keys(BENCHMARKS).join(', ')}`);
  const benchmark = BENCHMARKS[name as keyof typeof BENCHMARKS];
  const options = readOptions(benchmark);
  const findings = await benchmark.run(options);
  if (options.json) json.push(...findings.figures);
  else print(findings, options);
  if (options.write) await writeSection(name, findings, options);
}
if (json.length > 0) print({ figures: json, notes: [] }, readOptions({ rounds: 0, roundMs: 0, changes: 0 }));
