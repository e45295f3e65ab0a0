import { pipeline } from 'node:stream/promises';
import type pg from 'pg';
import { from as copyStream } from 'pg-copy-streams';
import QueryStream from 'pg-query-stream';
import type { AdapterHarness } from '../../src/testing/index.ts';
import { sqlSavepoint, sqlTransaction } from './sql.ts';

/** All that can be said with a Pool of pg, but for how it is made. */
export const poolHarness: Omit<AdapterHarness<pg.Pool, pg.PoolClient>, 'name' | 'connect'> = {
  end: (pool) => pool.end(),
  run: async (on, text, values) => (await on.query(text, [...values])).rows,
  result: (on, text, values) => on.query(text, [...values]),
  script: (on, text) => on.query(text),
  transaction: (pool, body) => withClient(pool, (client) => sqlTransaction(client, body)),
  serializable: (pool, body) => withClient(pool, (client) => sqlTransaction(client, body, 'serializable')),
  nested: sqlSavepoint,
  session: withClient,
  named: (on, name, text, values) => on.query({ name, text, values: [...values] }),
  callback: (pool, text, values, done) => pool.query(text, [...values], done),
  each: (pool, text, onRow) =>
    withClient(pool, (client) => {
      const stream = client.query(new QueryStream(text));
      return new Promise((resolve, reject) => stream.on('data', onRow).on('end', resolve).on('error', reject));
    }),
  copyFrom: (on, text, data) =>
    'release' in on ? copyInto(on, text, data) : withClient(on, (client) => copyInto(client, text, data)),
};

/** COPY FROM by pg-copy-streams. */
export function copyInto(client: pg.ClientBase, text: string, data: string): Promise<void> {
  return pipeline([Buffer.from(data)], client.query(copyStream(text)));
}

async function withClient<T>(pool: pg.Pool, body: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    return await body(client);
  } finally {
    client.release();
  }
}
