import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { QUEUE_NAMES, type QueueName, queueExample, type ReceiptQueue } from '../../examples/queues/queue.ts';
import { createShop, prepareShop } from '../../examples/queues/shop.ts';
import { startWorkerProcess } from '../../examples/queues/worker-process.ts';
import { wrapPool } from '../../src/adapters/pg/index.ts';
import { actor, runWithContext, serializeContext } from '../../src/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { startRedisServer, withoutRedis } from '../support/redis-server.ts';

const JOB = { type: 'job', id: 'receipts' };
const options = { timeout: 120_000 };

for (const name of QUEUE_NAMES)
  describe(`jobs that go through ${name}`, { skip: name === 'bullmq' && withoutRedis }, () => {
    let shop: Shop;
    before(async () => {
      shop = await openShop(name);
    });
    after(() => shop.close());

    test(
      'each runs as the job, for whoever enqueued it, under the correlation id of the request',
      options,
      async () => {
        const customers = Array.from({ length: 24 }, (_, index) => (index % 2 === 0 ? 'ada' : 'grace'));
        await Promise.all(customers.map((user, index) => shop.order(user, `order-${index}`)));
        await shop.receiptsWritten(customers.length);
        const changes = await shop.changesOfJobs();
        assert.equal(changes.length, 2 * customers.length);
        for (const { customer, request, ...change } of changes) {
          assert.deepEqual(change.enqueued_by, { type: 'user', id: customer });
          assert.equal(change.correlation_id, request);
          assert.match(change.correlation_id, /^order-\d+$/);
          assert.deepEqual(change.actor_ref, JOB);
          assert.equal(change.source, name);
        }
        assert.equal(new Set(changes.map(({ job_id }) => job_id)).size, customers.length);
      },
    );

    test('one that was enqueued outside of any context has the job alone as its actor', options, async () => {
      const id = await shop.orderInSql();
      await shop.queue.enqueue(id);
      await shop.receiptsWritten(1);
      for (const change of await shop.changesOfJobs()) {
        assert.deepEqual(change.actor_ref, JOB);
        assert.equal(change.enqueued_by, null);
        assert.match(change.correlation_id, /^[0-9a-f-]{36}$/);
      }
    });

    test('one that fails at first is tried again in the same context', {
      ...options,
      skip: retriesNothing(name),
    }, async () => {
      const id = await shop.orderInSql();
      await shop.failOnce(id);
      await runWithContext({ actor: actor.admin('root'), correlationId: 'again' }, () => shop.queue.enqueue(id));
      await shop.receiptsWritten(1);
      assert.match(shop.errors(), /the first attempt fails/);
      for (const change of await shop.changesOfJobs()) {
        assert.deepEqual(change.actor_ref, JOB);
        assert.deepEqual(change.enqueued_by, { type: 'admin', id: 'root' });
        assert.equal(change.correlation_id, 'again');
      }
    });

    test('one with a text that others have made up is refused, and the worker goes on', options, async () => {
      const text = (context: unknown) => JSON.stringify({ v: 1, context });
      const poison = {
        TL_SERIALIZED_CONTEXT_INVALID: '{"v":1,"context":',
        TL_ACTOR_TYPE_UNKNOWN: text({ actor: { type: 'root', id: '1' } }),
        TL_ACTOR_ID_MISSING: text({ actor: { type: 'job', id: 'a' }, meta: { enqueued_by: { type: 'admin' } } }),
        TL_CONTEXT_TOO_LARGE: text({ meta: { text: '\u00e9'.repeat(2_000) } }),
      };
      for (const audit of Object.values(poison)) await shop.queue.enqueue(await shop.orderInSql(), audit);
      for (const code of Object.keys(poison)) await until(async () => shop.errors().includes(code));
      const good = await shop.orderInSql();
      await runWithContext({ actor: actor.user('ada') }, () => shop.queue.enqueue(good, serializeContext()));
      await shop.receiptsWritten(1);
      const changes = await shop.changesOfJobs();
      assert.deepEqual(
        changes.map(({ order_id }) => order_id),
        [good, good],
      );
      assert.deepEqual(changes[0]?.enqueued_by, { type: 'user', id: 'ada' });
    });

    test('the example prints who did what for whom', options, async () => {
      const example = spawn(process.execPath, ['--import', 'tsx', 'examples/queues/main.ts', name], {
        cwd: fileURLToPath(new URL('../..', import.meta.url)),
      });
      let output = '';
      for (const stream of [example.stdout, example.stderr]) stream.on('data', (chunk) => (output += chunk));
      assert.deepEqual(await once(example, 'close'), [0, null], output);
      for (const line of [
        'user:ada +insert orders',
        'job:receipts for user:ada +insert receipts',
        'job:receipts for user:grace +update orders',
      ])
        assert.match(output, new RegExp(`^${line} \\d`, 'm'));
      assert.equal(output.trim().split('\n').length, 6, output);
    });
  });

interface JobChange {
  readonly order_id: number;
  readonly customer: string;
  /** The correlation id of the request that took the order. */
  readonly request: string;
  readonly actor_ref: unknown;
  readonly enqueued_by: unknown;
  readonly correlation_id: string;
  readonly job_id: string;
  readonly source: string;
}

/** The shop of the example with its queue, and with its worker in another process. Each test sees its own orders. */
interface Shop {
  readonly queue: ReceiptQueue;
  order(user: string, correlationId: string): Promise<void>;
  /** Takes an order without a request, and resolves to its id. */
  orderInSql(): Promise<number>;
  /** Lets the first attempt to write the receipt of this order fail. */
  failOnce(orderId: number): Promise<void>;
  /** Waits until the worker is done with so many orders that were taken since it was last asked for its changes. */
  receiptsWritten(count: number): Promise<void>;
  /** What the worker has written for them. */
  changesOfJobs(): Promise<readonly JobChange[]>;
  /** What the worker has printed on standard error. */
  errors(): string;
  close(): Promise<void>;
}

async function openShop(name: QueueName): Promise<Shop> {
  const database = await createTestDatabase();
  const redis = name === 'bullmq' ? await startRedisServer() : undefined;
  const servers = { databaseUrl: database.url, redisUrl: redis?.url };
  const pool = wrapPool(new pg.Pool({ connectionString: database.url }));
  await prepareShop(pool);
  const { openQueue, startWorker } = await queueExample(name);
  const queue = await openQueue(servers);
  const worker = startWorker && (await startWorkerProcess(name, servers));
  const own = worker ? undefined : listenToStandardError();
  const shop = createShop(pool, queue);
  return {
    queue,
    order: async (user, correlationId) => {
      const headers = { 'x-user': user, 'x-correlation-id': correlationId };
      assert.equal((await shop.request('/orders', { method: 'POST', headers })).status, 201);
    },
    ...ordersIn(database),
    errors: () => (worker ?? own)?.errors() ?? '',
    close: async () => {
      own?.stop();
      await worker?.stop();
      await queue.close();
      await pool.end();
      await redis?.stop();
    },
  };
}

function ordersIn({
  admin,
}: TestDatabase): Pick<Shop, 'orderInSql' | 'failOnce' | 'receiptsWritten' | 'changesOfJobs'> {
  let seen = 0;
  return {
    orderInSql: async () =>
      (await admin.query("insert into orders (customer) values ('nobody') returning id")).rows[0].id,
    failOnce: async (orderId) => {
      await admin.query(`
        create sequence attempts;
        create function fail_once() returns trigger language plpgsql as $$ begin
          if nextval('attempts') = 1 then raise 'the first attempt fails'; end if;
          return new;
        end $$;
        create trigger fail_once before insert on receipts for each row when (new.order_id = ${orderId})
        execute function fail_once();`);
    },
    receiptsWritten: (count) =>
      until(async () => {
        const { rows } = await admin.query("select from orders where status = 'receipt written' and id > $1", [seen]);
        return rows.length === count;
      }),
    changesOfJobs: async () => {
      const { rows } = await admin.query(CHANGES_OF_JOBS_SQL, [seen]);
      seen = (await admin.query('select max(id) from orders')).rows[0].max;
      return rows;
    },
  };
}

const CHANGES_OF_JOBS_SQL = `
  with written as (
    select t.*, c.id as change_id, c.op, coalesce(c.data_after -> 'order_id', c.data_after -> 'id')::int as order_id
    from threadline.audit_changes c join threadline.audit_transactions t on t.id = c.transaction_id
  )
  select w.order_id, o.customer, r.correlation_id as request, w.actor_ref, w.meta -> 'enqueued_by' as enqueued_by,
    w.correlation_id, w.job_id, w.source
  from written w
  join orders o on o.id = w.order_id
  join written r on r.order_id = w.order_id and r.change_id = (select min(change_id) from written where order_id = o.id)
  where w.order_id > $1 and w.change_id <> r.change_id
  order by w.change_id`;

function retriesNothing(name: QueueName): string | false {
  return name === 'worker-threads' && 'a message to a thread is not tried again';
}

/** What a thread of this process prints arrives here. */
function listenToStandardError(): { errors(): string; stop(): void } {
  const write = process.stderr.write;
  let errors = '';
  process.stderr.write = ((chunk: unknown, ...rest: unknown[]) => {
    errors += String(chunk);
    return Reflect.apply(write, process.stderr, [chunk, ...rest]);
  }) as typeof process.stderr.write;
  return {
    errors: () => errors,
    stop: () => {
      process.stderr.write = write;
    },
  };
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 50));
}
