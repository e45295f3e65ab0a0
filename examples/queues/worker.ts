// The process of the worker, started by whoever has a channel to it: it ends when that is closed.
import { once } from 'node:events';
import pg from 'pg';
import { wrapPool } from '../../src/adapters/pg/index.ts';
import { queueExample } from './queue.ts';

const disconnected = once(process, 'disconnect').then(() => {
  // Nothing that has gone before may keep this process from ending.
  setTimeout(() => process.exit(1), 10_000).unref();
});

const servers = { databaseUrl: process.env['DATABASE_URL'] ?? '', redisUrl: process.env['REDIS_URL'] };
const { startWorker } = await queueExample(process.argv[2]);
const pool = wrapPool(new pg.Pool({ connectionString: servers.databaseUrl, max: 3 }));
const worker = await startWorker?.(servers, pool);
process.send?.('ready');
await disconnected;
await worker?.close();
await pool.end();
process.exit(0);
