// npx tsx examples/queues/main.ts bullmq: users order, a worker in another process writes the receipts, and the audit
// trail says who did what for whom. In the place of bullmq: pg-boss, graphile-worker or worker-threads.
import pg from 'pg';
import { wrapPool } from '../../src/adapters/pg/index.ts';
import { type ActorRef, type Change, timeline } from '../../src/index.ts';
import { startPostgresServer } from '../../test/support/postgres-server.ts';
import { startRedisServer, withoutRedis } from '../../test/support/redis-server.ts';
import { atEnd, end, endOnSignalsAndFailures } from '../demo/clean-up.ts';
import { QUEUE_NAMES, type QueueName, queueExample } from './queue.ts';
import { createShop, prepareShop } from './shop.ts';
import { startWorkerProcess } from './worker-process.ts';

const CUSTOMERS = ['ada', 'grace'];

const name = QUEUE_NAMES.find((each) => each === process.argv[2]);
if (name === undefined) {
  process.stderr.write(`Name one of ${QUEUE_NAMES.join(', ')}.\n`);
  process.exit(2);
}
if (name === 'bullmq' && withoutRedis !== false) {
  process.stderr.write(`${withoutRedis}\n`);
  process.exit(1);
}
endOnSignalsAndFailures();
await show(name);
await end(0);

async function show(name: QueueName): Promise<void> {
  const server = await started(startPostgresServer());
  const redis = name === 'bullmq' ? await started(startRedisServer()) : undefined;
  const servers = { databaseUrl: server.url('postgres'), redisUrl: redis?.url };
  const pool = wrapPool(new pg.Pool({ connectionString: servers.databaseUrl }));
  await prepareShop(pool);

  const { openQueue, startWorker } = await queueExample(name);
  const queue = await openQueue(servers);
  const worker = startWorker && (await startWorkerProcess(name, servers));
  const shop = createShop(pool, queue);
  for (const user of CUSTOMERS) await shop.request('/orders', { method: 'POST', headers: { 'x-user': user } });
  await receiptsWritten(pool);
  for (const change of (await timeline(pool)).toReversed()) process.stdout.write(`${describe(change)}\n`);

  await worker?.stop();
  process.stderr.write(worker?.errors() ?? '');
  await queue.close();
  await pool.end();
}

async function started<T extends { stop(): Promise<void> }>(starting: Promise<T>): Promise<T> {
  atEnd(() => starting.then(({ stop }) => stop()));
  return starting;
}

async function receiptsWritten(pool: pg.Pool): Promise<void> {
  for (;;) {
    const { rows } = await pool.query("select from orders where status = 'receipt written'");
    if (rows.length === CUSTOMERS.length) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function describe({ op, table, pk, transaction }: Change): string {
  const enqueuer = transaction.meta?.['enqueued_by'];
  const who = `${nameOf(transaction.actor)}${enqueuer === undefined ? '' : ` for ${nameOf(enqueuer as ActorRef)}`}`;
  const what = `${op} ${table.name} ${Object.values(pk ?? {}).join()}`;
  return `${who.padEnd(28)}${what.padEnd(20)}${transaction.correlationId}`;
}

function nameOf(actor: ActorRef | null): string {
  if (actor === null) return 'nobody';
  return 'id' in actor ? `${actor.type}:${actor.id}` : actor.type;
}
