import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

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
  /** The main.ts to run; this checkout's unless given. */
  readonly main?: string;
}

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** Runs the command line as a process of its own, the way a shell does. */
export async function runThreadline(args: readonly string[], options: RunOptions = {}): Promise<Run> {
  const { DATABASE_URL: _unset, ...env } = process.env;
  const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), options.main ?? MAIN, ...args], {
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
