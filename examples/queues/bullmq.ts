import { Queue, Worker } from 'bullmq';
import type pg from 'pg';
import { actor, runWithSerializedContext, serializeContext } from '../../src/index.ts';
import type { ReceiptJob, ReceiptQueue, ReceiptWorker, Servers } from './queue.ts';
import { reportFailure, writeReceipt } from './receipt.ts';

const NAME = 'receipts';

/** In the application. */
export async function openQueue({ redisUrl = '' }: Servers): Promise<ReceiptQueue> {
  const queue = new Queue<ReceiptJob>(NAME, { connection: { url: redisUrl } });
  return {
    enqueue: async (orderId, audit = serializeContext()) => {
      await queue.add('receipt', { orderId, audit }, { attempts: 3 });
    },
    close: () => queue.close(),
  };
}

/** In the process of the worker. */
export async function startWorker({ redisUrl = '' }: Servers, pool: pg.Pool): Promise<ReceiptWorker> {
  const worker = new Worker<ReceiptJob>(
    NAME,
    async ({ id, data }) =>
      runWithSerializedContext(data.audit, () => writeReceipt(pool, data.orderId), {
        actor: actor.job('receipts'),
        jobId: id,
        source: 'bullmq',
      }),
    { connection: { url: redisUrl }, concurrency: 5 },
  );
  worker.on('failed', (job, error) => reportFailure(job?.id, error));
  worker.on('error', (error) => reportFailure(undefined, error));
  await worker.waitUntilReady();
  return { close: () => worker.close() };
}
