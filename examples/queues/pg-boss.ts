import type pg from 'pg';
import PgBoss from 'pg-boss';
import { actor, runWithSerializedContext, serializeContext } from '../../src/index.ts';
import type { ReceiptJob, ReceiptQueue, ReceiptWorker, Servers } from './queue.ts';
import { reportFailure, writeReceipt } from './receipt.ts';

const NAME = 'receipts';
const CONCURRENCY = 5;

/** In the application. */
export async function openQueue({ databaseUrl }: Servers): Promise<ReceiptQueue> {
  const boss = await startBoss({ connectionString: databaseUrl, supervise: false, schedule: false });
  return {
    enqueue: async (orderId, audit = serializeContext()) => {
      await boss.send(NAME, { orderId, audit }, { retryLimit: 2 });
    },
    close: () => boss.stop(),
  };
}

/** In the process of the worker. */
export async function startWorker({ databaseUrl }: Servers, pool: pg.Pool): Promise<ReceiptWorker> {
  const boss = await startBoss({ connectionString: databaseUrl });
  const run = async ({ id, data }: PgBoss.Job<ReceiptJob>) => {
    try {
      await runWithSerializedContext(data.audit, () => writeReceipt(pool, data.orderId), {
        actor: actor.job('receipts'),
        jobId: id,
        source: 'pg-boss',
      });
    } catch (error) {
      reportFailure(id, error);
      throw error;
    }
  };
  // The jobs of a batch succeed or fail together, so each worker takes one at a time.
  for (let each = 0; each < CONCURRENCY; each += 1)
    await boss.work<ReceiptJob>(NAME, { pollingIntervalSeconds: 0.5 }, async (jobs) => {
      for (const job of jobs) await run(job);
    });
  return { close: () => boss.stop() };
}

async function startBoss(options: PgBoss.ConstructorOptions): Promise<PgBoss> {
  const boss = new PgBoss(options);
  let isStopped = false;
  boss.on('stopped', () => {
    isStopped = true;
  });
  // A pool of pg has ended before its connections have: what the server says to those is no failure any more.
  boss.on('error', (error) => isStopped || reportFailure(undefined, error));
  await boss.start();
  await boss.createQueue(NAME);
  return boss;
}
