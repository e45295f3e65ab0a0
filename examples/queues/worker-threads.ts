// The side of the request, and the thread that it starts: the context does not pass from one to the other by itself.
import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import pg from 'pg';
import { wrapPool } from '../../src/adapters/pg/index.ts';
import { actor, runWithSerializedContext, serializeContext } from '../../src/index.ts';
import type { ReceiptJob, ReceiptQueue, Servers } from './queue.ts';
import { reportFailure, writeReceipt } from './receipt.ts';

// With an application in JavaScript this is `new Worker(new URL(import.meta.url))`; on Node 20, tsx does not reach into threads by itself.
const THREAD = `import('tsx/esm/api').then(({ register }) => (register(), import(${JSON.stringify(import.meta.url)})))`;

interface Message extends ReceiptJob {
  readonly jobId: string;
}

/** In the application's thread. */
export async function openQueue({ databaseUrl }: Servers): Promise<ReceiptQueue> {
  const thread = new Worker(THREAD, { eval: true, workerData: { databaseUrl } });
  await once(thread, 'online');
  let count = 0;
  return {
    enqueue: async (orderId, audit = serializeContext()) => {
      count += 1;
      thread.postMessage({ orderId, audit, jobId: String(count) } satisfies Message);
    },
    close: async () => {
      await thread.terminate();
    },
  };
}

if (!isMainThread) {
  const pool = wrapPool(new pg.Pool({ connectionString: workerData.databaseUrl }));
  parentPort?.on('message', async ({ orderId, audit, jobId }: Message) => {
    try {
      await runWithSerializedContext(audit, () => writeReceipt(pool, orderId), {
        actor: actor.job('receipts'),
        jobId,
        source: 'worker-threads',
      });
    } catch (error) {
      reportFailure(jobId, error);
    }
  });
}
