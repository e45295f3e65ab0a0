// Runs the tests: all of them, or the files and folders named on the command line, on one server that they share.
import { spawn } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { entryReporter } from '../conformance/entries.ts';
import { startPostgresServer } from './postgres-server.ts';

const requested = process.argv.slice(2).filter((argument) => !argument.startsWith('-'));
const flags = process.argv.slice(2).filter((argument) => argument.startsWith('-'));
const files = (await Promise.all((requested.length > 0 ? requested : ['test']).map(testFiles))).flat().sort();
// Only a whole run leaves what the conformance page is written from.
const whole = requested.length === 0 && flags.length === 0;
const reporters = whole
  ? await entryReporter({ reporter: process.stdout.isTTY ? 'spec' : 'tap', destination: 'stdout' })
  : [];
const server = process.env['THREADLINE_TEST_DATABASE_URL'] === undefined ? await startPostgresServer() : undefined;
const env = server
  ? {
      ...process.env,
      THREADLINE_TEST_DATABASE_URL: server.url('postgres'),
      THREADLINE_TEST_LOG: server.logFile,
      THREADLINE_TEST_SOCKETS: server.socketDirectory,
    }
  : process.env;

// A Node that runs TypeScript by itself starts sooner without a loader.
const { typescript } = process.features as { readonly typescript?: string | false };
const loader = typescript ? [] : ['--import', 'tsx'];
// Of a whole run, a file that hangs is told by its name; the slowest takes two minutes.
const limit = whole ? ['--test-timeout=480000'] : [];
// Three files at a time for two cores: a test waits for its server a good part of the time.
const options = [...loader, '--test', '--test-concurrency=3', ...limit, ...reporters, ...flags];
const tests = spawn(process.execPath, [...options, ...files], { stdio: 'inherit', env });
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => tests.kill(signal));
const code = await new Promise<number>((resolve) => tests.once('exit', (status) => resolve(status ?? 1)));
await server?.stop();
process.exitCode = code;

async function testFiles(path: string): Promise<string[]> {
  if ((await stat(path)).isFile()) return [path];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.test.ts'))
    .map((entry) => join(entry.parentPath, entry.name));
}
