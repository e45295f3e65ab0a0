// Runs the conformance suites and the tests of the schema on every supported Node and PostgreSQL, and
// prints a table. All versions come from npm and are kept in .cache/matrix.
//
//   npm run matrix                            everything on every pair of versions
//   npm run matrix -- --smoke                 little, and on each version at least once
//   npm run matrix -- node=22,24 postgres=14  only these versions
//   npm run matrix -- test/adapters/pg        these tests instead
import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { conformanceSuites } from '../test/conformance/suites.ts';
import { installVersion, POSTGRES, postgresBinaries, VERSIONS, versionOf } from '../test/support/postgres-binaries.ts';
import { startPostgresServer } from '../test/support/postgres-server.ts';

// Exact versions, so that a run of today and one of tomorrow test the same.
const NODE: Readonly<Record<string, string>> = {
  20: '20.20.2',
  22: '22.23.3',
  24: '24.21.0',
  26: '26.10.0',
};
/** One place of the table. */
interface Pair {
  readonly node: string;
  readonly postgres: string;
}

/** What came of it. */
interface Outcome extends Pair {
  readonly passed: number;
  readonly failed: number;
  readonly log: string;
}

// PostgreSQL 18 is what `npm test` runs on.
const SMOKE_PAIRS: readonly Pair[] = [
  { node: '20', postgres: '14' },
  { node: '22', postgres: '15' },
  { node: '24', postgres: '16' },
  { node: '26', postgres: '17' },
];
const SMOKE_TESTS = [
  'test/conformance/pg-pool.test.ts',
  'test/conformance/knex.test.ts',
  'test/adapters/postgres/conformance.test.ts',
  // Not the many ways to install, nor the largest values, which take as long as the rest together.
  ...['capture', 'grouping', 'odd-tables', 'replay', 'row-hash', 'security', 'triggers'].map(
    (name) => `test/sql/${name}.test.ts`,
  ),
];
const SMOKE_STATEMENTS = '300';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

const { smoke, pairs, tests } = await plan(process.argv.slice(2));
await Promise.all([
  ...[...new Set(pairs.map(({ node }) => node))].map(nodeProgram),
  ...[...new Set(pairs.map(({ postgres }) => postgres))].map(postgresBinaries),
]);
const outcomes: Outcome[] = [];
let running: ChildProcess | undefined;
let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    interrupted = true;
    running?.kill(signal);
  });
for (const postgres of new Set(pairs.map((pair) => pair.postgres)))
  if (!interrupted) outcomes.push(...(await runOnServer(pairs.filter((pair) => pair.postgres === postgres))));
console.log(`\n${table(outcomes)}\n`);
for (const { log, failed } of outcomes)
  if (failed > 0) console.log(`${await failures(log)}\nThe whole output is in ${relative(root, log)}.\n`);
if (interrupted || outcomes.some(({ failed, passed }) => failed > 0 || passed === 0)) process.exitCode = 1;

interface Plan {
  readonly smoke: boolean;
  readonly pairs: readonly Pair[];
  /** Files and folders. */
  readonly tests: readonly string[];
}

async function plan(argv: readonly string[]): Promise<Plan> {
  const smoke = argv.includes('--smoke');
  const wanted = (name: string, known: object) =>
    argv
      .find((argument) => argument.startsWith(`${name}=`))
      ?.slice(name.length + 1)
      .split(',') ?? Object.keys(known);
  const nodes = wanted('node', NODE);
  const majors = wanted('postgres', POSTGRES);
  const all = majors.flatMap((postgres) => nodes.map((node) => ({ node, postgres })));
  const pairs = smoke ? SMOKE_PAIRS.filter((one) => nodes.includes(one.node) && majors.includes(one.postgres)) : all;
  const named = argv.filter((argument) => !argument.startsWith('--') && !argument.includes('='));
  const suites = async () => [...(await conformanceSuites(join(root, 'test'))), 'test/sql'];
  return { smoke, pairs, tests: named.length > 0 ? named : smoke ? SMOKE_TESTS : await suites() };
}

/** All pairs of one PostgreSQL, which is started once. */
async function runOnServer(pairsOfOne: readonly Pair[]): Promise<readonly Outcome[]> {
  const [{ postgres } = { postgres: '' }] = pairsOfOne;
  const server = await startPostgresServer({ binariesFrom: await postgresBinaries(postgres) });
  const found: Outcome[] = [];
  try {
    const env = {
      ...process.env,
      ...(smoke ? { THREADLINE_CONFORMANCE_STATEMENTS: SMOKE_STATEMENTS } : {}),
      THREADLINE_TEST_DATABASE_URL: server.url('postgres'),
      THREADLINE_TEST_LOG: server.logFile,
      THREADLINE_TEST_SOCKETS: server.socketDirectory,
    };
    for (const pair of pairsOfOne) if (!interrupted) found.push(await runTests(pair, env));
  } finally {
    await server.stop();
  }
  return found;
}

async function runTests(pair: Pair, env: NodeJS.ProcessEnv): Promise<Outcome> {
  const log = join(VERSIONS, 'logs', `node-${pair.node}-postgres-${pair.postgres}.log`);
  await mkdir(dirname(log), { recursive: true });
  const program = await nodeProgram(pair.node);
  const started = Date.now();
  const run = spawn(program, ['--import', 'tsx', 'test/support/run.ts', '--test-reporter=spec', ...tests], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running = run;
  const file = createWriteStream(log);
  run.stdout.pipe(file, { end: false });
  run.stderr.pipe(file, { end: false });
  const code = await new Promise<number>((resolve) => run.once('close', (status) => resolve(status ?? 1)));
  await new Promise<void>((resolve) => file.end(resolve));
  const text = await readFile(log, 'utf8');
  const count = (word: string) => Number(new RegExp(`^ℹ ${word} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
  const failed = count('fail') + count('cancelled') || (code === 0 ? 0 : 1);
  const seconds = Math.round((Date.now() - started) / 1000);
  console.log(
    `Node ${pair.node}, PostgreSQL ${pair.postgres}: ${count('pass')} passed, ${failed} failed (${seconds} s)`,
  );
  return { ...pair, passed: count('pass'), failed, log };
}

/** A Node of that major version: the one that runs this where it is of that version. */
async function nodeProgram(major: string): Promise<string> {
  if (process.versions.node.split('.')[0] === major) return process.execPath;
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  const folder = await installVersion(`node-${major}`, name, versionOf(NODE, major));
  return join(folder, 'node_modules', name, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
}

function table(all: readonly Outcome[]): string {
  const nodes = [...new Set(all.map(({ node }) => node))].sort();
  const majors = [...new Set(all.map(({ postgres }) => postgres))].sort();
  const cell = (node: string, postgres: string) => {
    const one = all.find((outcome) => outcome.node === node && outcome.postgres === postgres);
    if (one === undefined) return '';
    return one.failed > 0 || one.passed === 0 ? `✗ ${one.failed}` : `✓ ${one.passed}`;
  };
  const rows = [
    ['', ...majors.map((major) => `PG ${major}`)],
    ['---', ...majors.map(() => '---')],
    ...nodes.map((node) => [`Node ${node}`, ...majors.map((major) => cell(node, major))]),
  ];
  return rows.map((row) => `| ${row.map((text) => text.padEnd(7)).join(' | ')} |`).join('\n');
}

/** The end of a log, where the reporter lists what failed. */
async function failures(log: string): Promise<string> {
  const text = await readFile(log, 'utf8');
  return text.slice(Math.max(0, text.lastIndexOf('✖ failing tests:'))).slice(0, 20_000);
}
