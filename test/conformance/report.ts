// Runs the conformance suite for every driver and writes docs/conformance.md; with --check it only
// says whether the page is current. Red tests fail it either way.
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { conformanceTests } from '../../src/testing/index.ts';
import { startPostgresServer } from '../support/postgres-server.ts';

/** How one test ended for one driver, as the reporter writes it. */
interface Entry {
  readonly driver: string;
  readonly test: string;
  readonly status: 'passed' | 'failed' | 'skipped';
  /** Why it was skipped. */
  readonly reason: string;
}

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..', '..');
const page = join(root, 'docs', 'conformance.md');

const entries = await runSuites(await suites(join(root, 'test')));
const failed = entries.filter(({ status }) => status === 'failed');
const text = await write(entries);
if (failed.length > 0) {
  for (const { driver, test } of failed) console.error(`FAILED ${driver}: ${test}`);
  process.exitCode = 1;
} else if (!process.argv.includes('--check')) {
  await writeFile(page, text);
} else if ((await readFile(page, 'utf8').catch(() => '')) !== text) {
  console.error('docs/conformance.md is not current: write it with `npm run conformance`.');
  process.exitCode = 1;
}

/** The test files that run the suite. */
async function suites(folder: string): Promise<string[]> {
  const files: string[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.name.endsWith('.test.ts') && /await conform[<(]/.test(await readFile(path, 'utf8'))) files.push(path);
  }
  return files.sort();
}

async function runSuites(files: readonly string[]): Promise<readonly Entry[]> {
  const directory = await mkdtemp(join(tmpdir(), 'threadline-conformance-'));
  const lines = join(directory, 'entries.jsonl');
  const url = process.env['THREADLINE_TEST_DATABASE_URL'];
  const server = url === undefined ? await startPostgresServer() : undefined;
  try {
    const env = { ...process.env, THREADLINE_TEST_DATABASE_URL: url ?? server?.url('postgres') };
    const reporters = ['dot', 'stderr', join(here, 'collect.mjs'), lines].flatMap((value, index) => [
      index % 2 === 0 ? '--test-reporter' : '--test-reporter-destination',
      value,
    ]);
    const run = spawn(process.execPath, ['--import', 'tsx', '--test', '--test-concurrency=2', ...reporters, ...files], {
      cwd: root,
      env,
      stdio: 'inherit',
    });
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => run.kill(signal));
    await new Promise((resolve) => run.once('exit', resolve));
    const found = (await readFile(lines, 'utf8')).trimEnd().split('\n');
    return found.map((line) => JSON.parse(line) as Entry);
  } finally {
    await server?.stop();
    await rm(directory, { recursive: true });
  }
}

async function write(all: readonly Entry[]): Promise<string> {
  const drivers = [...new Set(all.map(({ driver }) => driver))].sort();
  const of = (driver: string, test: string) => all.find((entry) => entry.driver === driver && entry.test === test);
  const limits = all.filter(({ reason }) => reason.startsWith('limit: '));
  const mark = (entry: Entry | undefined) => {
    if (entry === undefined) return '?';
    if (entry.status === 'passed') return '✓';
    if (entry.status === 'failed') return '✗';
    const limit = limits.indexOf(entry);
    return limit < 0 ? '–' : `(${limit + 1})`;
  };
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return `# Conformance

Written by \`npm run conformance\`, which runs one suite (\`adapterConformance\` of \`threadline/testing\`) for every
driver on a real PostgreSQL; do not edit. ✓ passed · – the driver has no such thing · (n) a limit, see below.

## How each is set up

${(await readFile(join(here, 'setting-up.md'), 'utf8')).trimEnd()}

## Limits, and what to do instead

${limits.map(({ driver, test, reason }, index) => `${index + 1}. ${driver}, "${test}": ${reason.slice(7)}.`).join('\n')}

## Results

${drivers.map((driver, index) => `- **${letter(index)}** ${driver}`).join('\n')}

${row(['test', ...drivers.map((_, index) => letter(index))])}
${row(['---', ...drivers.map(() => ':-:')])}
${conformanceTests.map((test) => row([test, ...drivers.map((driver) => mark(of(driver, test)))])).join('\n')}
`;
}

function letter(index: number): string {
  return String.fromCharCode(65 + index);
}
