import { execFile, spawn } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** How a run of the command line ended, and what it printed. */
export interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** DATABASE_URL for the run; unset unless given. */
  readonly url?: string;
  readonly cwd?: string;
  /** The package whose command line to run; this checkout's unless given. */
  readonly threadline?: string;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

let built: Promise<string> | undefined;

/**
 * The folder of a package that was built out of this checkout: dist and package.json. Its command line starts in
 * half the time that its sources take. Inside of this checkout, so that it finds its dependencies.
 */
export function builtPackage(): Promise<string> {
  built ??= build();
  return built;
}

after(async () => {
  if (built) await rm(await built, { recursive: true });
});

async function build(): Promise<string> {
  const cache = join(ROOT, '.cache');
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, 'command-'));
  const require = createRequire(import.meta.url);
  const compiler = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc');
  const options = ['--noCheck', '--sourceMap', 'false', '--outDir', join(folder, 'dist')];
  await promisify(execFile)(process.execPath, [compiler, '-p', join(ROOT, 'tsconfig.build.json'), ...options]);
  await copyFile(join(ROOT, 'package.json'), join(folder, 'package.json'));
  return folder;
}

/** The file that Node runs as the command line. */
export async function threadlineProgram(threadline?: string): Promise<string> {
  return join(threadline ?? (await builtPackage()), 'dist', 'cli', 'main.js');
}

/** Runs the command line as a process of its own, the way a shell does. */
export async function runThreadline(args: readonly string[], options: RunOptions = {}): Promise<Run> {
  const { DATABASE_URL: _unset, ...env } = process.env;
  const child = spawn(process.execPath, [await threadlineProgram(options.threadline), ...args], {
    cwd: options.cwd,
    env: options.url === undefined ? env : { ...env, DATABASE_URL: options.url },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { code, stdout, stderr };
}
