// Runs the conformance suite for every driver and writes docs/conformance.md; with --check it only
// says whether the page is current, and with --from-tests it takes what the last `npm test` left.
// Red tests fail it either way.
import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { conformanceTests } from '../../src/testing/index.ts';
import { startPostgresServer } from '../support/postgres-server.ts';
import { ENTRIES, entryReporter } from './entries.ts';
import { type Entry, writePage } from './page.ts';
import { conformanceSuites } from './suites.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const page = join(root, 'docs', 'conformance.md');

const green = process.argv.includes('--from-tests') || (await runSuites());
const lines = (await readFile(ENTRIES, 'utf8')).trimEnd().split('\n');
const entries = lines
  .map((line) => JSON.parse(line) as Entry)
  // The other tests of a whole run leave lines as well.
  .filter(({ test }) => conformanceTests.includes(test));
const failed = entries.filter(({ status }) => status === 'failed');
const text = await writePage(entries, new URL('setting-up.md', import.meta.url));
if (failed.length > 0 || !green) {
  for (const { driver, test } of failed) console.error(`FAILED ${driver}: ${test}`);
  process.exitCode = 1;
} else if (!process.argv.includes('--check')) {
  await writeFile(page, text);
} else if ((await readFile(page, 'utf8').catch(() => '')) !== text) {
  console.error('docs/conformance.md is not current: write it with `npm run conformance`.');
  process.exitCode = 1;
}

async function runSuites(): Promise<boolean> {
  const url = process.env['THREADLINE_TEST_DATABASE_URL'];
  const server = url === undefined ? await startPostgresServer() : undefined;
  try {
    const env = { ...process.env, THREADLINE_TEST_DATABASE_URL: url ?? server?.url('postgres') };
    const flags = [
      '--import',
      'tsx',
      '--test',
      '--test-concurrency=2',
      ...(await entryReporter({ reporter: 'dot', destination: 'stderr' })),
    ];
    const run = spawn(process.execPath, [...flags, ...(await conformanceSuites(join(root, 'test')))], {
      cwd: root,
      env,
      stdio: 'inherit',
    });
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => run.kill(signal));
    return await new Promise((resolve) => run.once('exit', (code) => resolve(code === 0)));
  } finally {
    await server?.stop();
  }
}
