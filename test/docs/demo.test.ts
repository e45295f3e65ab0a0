import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import pg from 'pg';

const root = fileURLToPath(new URL('../..', import.meta.url));
let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'threadline-demo-'));
  // The server of the demo runs as another user where the tests run as root.
  await chmod(folder, 0o755);
});
after(() => rm(folder, { recursive: true, force: true }));

interface Demo {
  readonly process: ChildProcess;
  output(): string;
  /** Resolves when the output has this text. */
  until(text: string): Promise<void>;
  /** Resolves to the exit code. */
  ended(): Promise<number | null>;
}

function startDemo(...args: readonly string[]): Demo {
  const child = spawn(process.execPath, ['--import', 'tsx', 'examples/demo/main.ts', ...args], {
    cwd: root,
    env: { ...process.env, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const exited = once(child, 'close');
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  return {
    process: child,
    output: () => output,
    until: async (text) => {
      while (!output.includes(text)) await Promise.race([once(child.stdout, 'data'), exited.then(() => fail(output))]);
    },
    ended: async () => (await exited)[0],
  };
}

function fail(output: string): never {
  throw new Error(`The demo ended early:\n${output}`);
}

/** What is left of PostgreSQL servers in the folder. */
async function leftovers(): Promise<readonly string[]> {
  return (await readdir(folder)).filter((name) => name.startsWith('threadline-pg-'));
}

describe('npm run demo', () => {
  test('shows what happened, finds it right, fits a terminal, and leaves nothing behind', async () => {
    const demo = startDemo();
    assert.equal(await demo.ended(), 0, demo.output());
    assert.equal(demo.output().match(/^ {2}ok {6}/gm)?.length, 4, demo.output());
    for (const title of ['What happened last', 'One row, before and after', 'One actor', 'The same in SQL'])
      assert.match(demo.output(), new RegExp(`^${title}$`, 'm'));
    const longest = Math.max(
      ...demo
        .output()
        .split('\n')
        .map((line) => line.length),
    );
    assert.ok(longest <= 110, `${longest} columns`);
    assert.deepEqual(await leftovers(), []);
  });

  for (const [signal, exitCode, moment] of [
    ['SIGINT', 130, 'PostgreSQL is up'],
    ['SIGTERM', 143, 'Threadline is installed'],
    ['SIGINT', 130, 'What happened last'],
  ] as const)
    test(`removes what it has started on ${signal} after "${moment}"`, async () => {
      const demo = startDemo();
      await demo.until(moment);
      demo.process.kill(signal);
      assert.equal(await demo.ended(), exitCode, demo.output());
      assert.deepEqual(await leftovers(), []);
    });

  test('ends where nobody reads what it prints', async () => {
    const demo = startDemo();
    await demo.until('PostgreSQL is up');
    demo.process.stdout?.destroy();
    assert.equal(await demo.ended(), 0);
    assert.deepEqual(await leftovers(), []);
  });

  test('with --keep, leaves the server up and says how to reach and to stop it', async () => {
    const demo = startDemo('--keep');
    assert.equal(await demo.ended(), 0, demo.output());
    const url = /DATABASE_URL=(\S+)/.exec(demo.output())?.[1];
    const stop = /^ {2}(kill .*)$/m.exec(demo.output())?.[1] ?? 'false';
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const { rows } = await client.query('select count(*)::int > 0 as recorded from threadline.audit_changes');
    await client.end();
    assert.deepEqual(rows, [{ recorded: true }]);
    const [code] = await once(spawn('sh', ['-c', stop]), 'close');
    assert.equal(code, 0);
    assert.deepEqual(await leftovers(), []);
  });

  test('refuses an option that it does not know', async () => {
    const demo = startDemo('--kepp');
    assert.equal(await demo.ended(), 2);
    assert.match(demo.output(), /--kepp.*--keep/);
  });
});
