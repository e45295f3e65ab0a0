import type pg from 'pg';
import type { Database } from '../../src/index.ts';

/**
 * The plans of the statements on the log of changes that `read` runs, those within functions included, as the server
 * executed them. `pool` must be a superuser's.
 */
export async function plansOf(pool: pg.Pool, read: (db: Database) => Promise<unknown>): Promise<string> {
  const client = await pool.connect();
  const plans: string[] = [];
  try {
    await client.query(`
      load 'auto_explain';
      set auto_explain.log_min_duration = 0;
      set auto_explain.log_nested_statements = on;
      set auto_explain.log_timing = off;
      set auto_explain.log_level = notice;
      set client_min_messages = notice`);
    client.on('notice', ({ message }) => {
      if (message && /on audit_changes/.test(message)) plans.push(message.replace(/^duration:.*/, ''));
    });
    await read(client);
  } finally {
    // With its settings.
    client.release(true);
  }
  return plans.join('\n');
}
