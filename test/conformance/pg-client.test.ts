import pg from 'pg';
import { wrapClient } from '../../src/adapters/pg/index.ts';
import { conform } from './conform.ts';
import { copyInto } from './pg-pool-harness.ts';
import { sqlSavepoint, sqlTransaction } from './sql.ts';

/** One client that a process shares, with a queue so that nobody lands in another's transaction. */
interface SharedClient {
  readonly client: pg.Client;
  last: Promise<unknown>;
}

await conform<SharedClient, pg.Client>({
  name: 'node-postgres: wrapClient',
  unpooled: true,
  connect: async (connectionString, { attributed }) => {
    const client = new pg.Client({ connectionString });
    if (attributed) wrapClient(client);
    await client.connect();
    return { client, last: Promise.resolve() };
  },
  end: ({ client }) => client.end(),
  run: async (on, text, values) => (await exclusively(on, (client) => client.query(text, [...values]))).rows,
  result: (on, text, values) => exclusively(on, (client) => client.query(text, [...values])),
  script: (on, text) => exclusively(on, (client) => client.query(text)),
  transaction: (shared, body) => exclusively(shared, (client) => sqlTransaction(client, body)),
  serializable: (shared, body) => exclusively(shared, (client) => sqlTransaction(client, body, 'serializable')),
  session: exclusively,
  nested: sqlSavepoint,
  copyFrom: (on, text, data) => exclusively(on, (client) => copyInto(client, text, data)),
  callback: ({ client }, text, values, done) => client.query(text, [...values], done),
});

function exclusively<T>(on: SharedClient | pg.Client, body: (client: pg.Client) => Promise<T>): Promise<T> {
  if (on instanceof pg.Client) return body(on);
  const result = on.last.then(() => body(on.client));
  on.last = result.catch(() => {});
  return result;
}
