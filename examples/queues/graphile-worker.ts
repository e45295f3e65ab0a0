import { Logger, makeWorkerUtils, run } from 'graphile-worker';
import type pg from 'pg';
import { actor, runWithSerializedContext, serializeContext } from '../../src/index.ts';
import type { ReceiptJob, ReceiptQueue, ReceiptWorker, Servers } from './queue.ts';
import { reportFailure, writeReceipt } from './receipt.ts';

const TASK = 'receipt';
const logger = new Logger(() => () => {});

/** In the application. */
export async function openQueue({ databaseUrl }: Servers): Promise<ReceiptQueue> {
  const utils = await makeWorkerUtils({ connectionString: databaseUrl, logger });
  await utils.migrate();
  return {
    enqueue: async (orderId, audit = serializeContext()) => {
      await utils.addJob(TASK, { orderId, audit }, { maxAttempts: 3 });
    },
    close: async () => utils.release(),
  };
}

/** In the process of the worker. */
export async function startWorker({ databaseUrl }: Servers, pool: pg.Pool): Promise<ReceiptWorker> {
  const runner = await run({
    connectionString: databaseUrl,
    concurrency: 5,
    noHandleSignals: true,
    logger,
    taskList: {
      [TASK]: async (payload, { job }) => {
        const { orderId, audit } = payload as ReceiptJob;
        await runWithSerializedContext(audit, () => writeReceipt(pool, orderId), {
          actor: actor.job('receipts'),
          jobId: job.id,
          source: 'graphile-worker',
        });
      },
    },
  });
  runner.events.on('job:error', ({ job, error }) => reportFailure(job.id, error));
  return { close: () => runner.stop() };
}
