import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './postgres-server.ts';

/** Where Debian's package puts the program. */
const PROGRAM = '/usr/bin/redis-server';

/** Why what needs Redis cannot run here, or false where it can: the `skip` option of a test. */
export const withoutRedis: string | false = existsSync(PROGRAM)
  ? false
  : `SKIPPED: Redis is not installed at ${PROGRAM} (Debian: apt-get install redis-server)`;

/** A running Redis server in a temporary folder, on loopback. */
export interface RedisServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts Redis on a free port. It keeps nothing on disk. */
export async function startRedisServer(): Promise<RedisServer> {
  const directory = await mkdtemp(join(tmpdir(), 'threadline-redis-'));
  const port = await freePort();
  const settings = { bind: '127.0.0.1', port, dir: directory, save: '', appendonly: 'no' };
  const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = spawn(PROGRAM, flags, { cwd: directory, stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  while (!output.includes('Ready to accept connections'))
    await Promise.race([
      once(child.stdout, 'data'),
      exited.then(() => {
        throw new Error(`Redis ended while starting:\n${output}`);
      }),
    ]);
  return {
    url: `redis://127.0.0.1:${port}`,
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
      await rm(directory, { recursive: true, force: true });
    },
  };
}
