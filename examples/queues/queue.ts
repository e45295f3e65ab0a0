import type pg from 'pg';

/** What a request leaves for the worker. */
export interface ReceiptJob {
  readonly orderId: number;
  /** The text of `serializeContext()`, taken in the request. */
  readonly audit: string;
}

/** Where the queue and the database are. */
export interface Servers {
  readonly databaseUrl: string;
  /** Only BullMQ needs it. */
  readonly redisUrl?: string | undefined;
}

export interface ReceiptQueue {
  /** Enqueues the receipt of an order, in the context of whoever calls unless another is given. */
  enqueue(orderId: number, audit?: string): Promise<void>;
  close(): Promise<void>;
}

export interface ReceiptWorker {
  close(): Promise<void>;
}

/** What each of the files named like a queue exports. */
export interface QueueExample {
  /** The side of the request. */
  openQueue(servers: Servers): Promise<ReceiptQueue>;
  /** The side of the worker, in a process of its own; absent where the queue starts its own thread. */
  startWorker?(servers: Servers, pool: pg.Pool): Promise<ReceiptWorker>;
}

/** The queues that there is an example of. */
export const QUEUE_NAMES = ['bullmq', 'pg-boss', 'graphile-worker', 'worker-threads'] as const;
export type QueueName = (typeof QUEUE_NAMES)[number];

const EXAMPLES: Record<QueueName, () => Promise<QueueExample>> = {
  bullmq: () => import('./bullmq.ts'),
  'pg-boss': () => import('./pg-boss.ts'),
  'graphile-worker': () => import('./graphile-worker.ts'),
  'worker-threads': () => import('./worker-threads.ts'),
};

/** The example of a queue; a name that comes from outside is checked. */
export async function queueExample(name: string | undefined): Promise<QueueExample> {
  const known = QUEUE_NAMES.find((each) => each === name);
  if (known === undefined) throw new Error(`Name one of ${QUEUE_NAMES.join(', ')}`);
  return EXAMPLES[known]();
}
