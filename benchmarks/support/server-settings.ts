import type pg from 'pg';

/** The settings of the server: what a careful installation has, and nothing that moves while it is measured. */
export const SERVER_SETTINGS: Readonly<Record<string, string>> = {
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

/** The server's version and its settings, in a line. */
export async function describeServer(admin: pg.Pool, settings: Readonly<Record<string, string>>): Promise<string> {
  const { rows } = await admin.query('show server_version');
  const texts = Object.entries(settings).map(([name, value]) => `${name} = ${value || "''"}`);
  return `PostgreSQL ${rows[0].server_version} with ${texts.join(', ')}`;
}
