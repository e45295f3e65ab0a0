import type pg from 'pg';
import { isThreadlineError } from '../../src/index.ts';

/** The job itself: it knows of no queue and of no audit trail. */
export async function writeReceipt(pool: pg.Pool, orderId: number): Promise<void> {
  await pool.query('insert into receipts (order_id) values ($1)', [orderId]);
  await pool.query("update orders set status = 'receipt written' where id = $1", [orderId]);
}

/** Prints why a job failed. The queue decides whether it is tried again. */
export function reportFailure(jobId: string | undefined, error: unknown): void {
  const code = isThreadlineError(error) ? error.code : 'failed';
  process.stderr.write(`job ${jobId ?? '-'} ${code}: ${error instanceof Error ? error.message : String(error)}\n`);
}
