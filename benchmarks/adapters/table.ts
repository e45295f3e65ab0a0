import { execFile } from 'node:child_process';
import { cpus } from 'node:os';
import { promisify } from 'node:util';
import pg from 'pg';
import type { PostgresServer } from '../../test/support/postgres-server.ts';
import { startBenchServer } from '../support/bench-server.ts';
import type { Target } from './drivers.ts';

/** A server with the table that the drivers write to and read from. */
export interface BenchTable {
  readonly server: PostgresServer;
  /** The server's local socket. */
  readonly target: Target;
  readonly admin: pg.Pool;
  /** The server's version and settings, in a line. */
  readonly description: string;
}

/** Starts a server, creates `bench_rows` without any trigger, and stops the server once `use` is done. */
export async function withBenchTable<Result>(
  settings: Readonly<Record<string, string>>,
  use: (table: BenchTable) => Promise<Result>,
): Promise<Result> {
  const server = await startBenchServer(settings);
  const placement = await placeApart(server);
  const target: Target = { host: server.socketDirectory, port: server.port, user: server.user, database: 'postgres' };
  const admin = new pg.Pool({ ...target, max: 1 });
  admin.on('error', () => {});
  try {
    await admin.query(`
      create table bench_rows (
        id bigint generated always as identity primary key, label text, amount int,
        actor text default pg_catalog.current_setting('threadline.actor_ref', true))`);
    await admin.query("insert into bench_rows (label) values ('one')");
    return await use({ server, target, admin, description: `${await server.describe(admin)}${placement}` });
  } finally {
    await admin.end();
    await server.stop();
    await runOn(`0-${cpus().length - 1}`, process.pid);
  }
}

/**
 * Gives the client one core and the server's next processes another, where the machine has two and `taskset`: which
 * connection happens to share a core with the client makes more of a difference than what is measured.
 */
async function placeApart(server: PostgresServer): Promise<string> {
  if (cpus().length < 2 || !(await runOn('0', process.pid))) return '';
  await runOn('1', server.pid);
  return '; client and server on a core each';
}

/** Lets a process and its threads run on some cores only; false where that cannot be said here. */
async function runOn(cores: string, pid: number): Promise<boolean> {
  return promisify(execFile)('taskset', ['--all-tasks', '--cpu-list', '--pid', cores, String(pid)]).then(
    () => true,
    () => false,
  );
}
