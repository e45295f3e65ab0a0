import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './postgres-server.ts';

/** Where Debian's package puts the program. */
const PROGRAM = '/usr/sbin/pgbouncer';

/** Why the tests that need PgBouncer cannot run here, or false where they can: the `skip` option of a test. */
export const withoutPgBouncer: string | false = existsSync(PROGRAM)
  ? false
  : `SKIPPED: PgBouncer is not installed at ${PROGRAM} (Debian: apt-get install pgbouncer)`;

/** The version, as a pair of numbers. */
export function pgBouncerVersion(): readonly [major: number, minor: number] {
  const match = /PgBouncer (\d+)\.(\d+)/.exec(execFileSync(PROGRAM, ['--version'], { encoding: 'utf8' }));
  return [Number(match?.[1]), Number(match?.[2])];
}

/** A running PgBouncer in front of one server. */
export interface PgBouncer {
  readonly host: string;
  readonly port: number;
  url(database: string): string;
  stop(): Promise<void>;
}

/** What to start it for. `settings` are lines of its configuration, over the defaults. */
export interface PgBouncerOptions {
  readonly server: { readonly host: string; readonly port: number; readonly user: string };
  readonly settings: Readonly<Record<string, string | number>>;
}

/** Starts PgBouncer on a free port in a temporary folder. */
export async function startPgBouncer({ server, settings }: PgBouncerOptions): Promise<PgBouncer> {
  const directory = await mkdtemp(join(tmpdir(), 'threadline-pgbouncer-'));
  await chmod(directory, 0o755);
  const port = await freePort();
  const all = {
    listen_addr: '127.0.0.1',
    listen_port: port,
    unix_socket_dir: '',
    auth_type: 'any',
    pool_mode: 'transaction',
    ignore_startup_parameters: 'extra_float_digits',
    ...settings,
  };
  const file = join(directory, 'pgbouncer.ini');
  await writeFile(
    file,
    [
      '[databases]',
      `* = host=${server.host} port=${server.port} user=${server.user}`,
      '[pgbouncer]',
      ...Object.entries(all).map(([name, value]) => `${name} = ${value}`),
    ].join('\n'),
  );
  // It refuses to run as root.
  const identity = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
  const child = spawn(PROGRAM, [file], { ...identity, cwd: directory, stdio: 'ignore' });
  await listening(port, () => child.exitCode !== null);
  return {
    host: '127.0.0.1',
    port,
    url: (database) => `postgres://${server.user}@127.0.0.1:${port}/${database}`,
    stop: async () => {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function listening(port: number, ended: () => boolean): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const open = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (open) return;
    if (ended()) throw new Error('PgBouncer ended while starting');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
