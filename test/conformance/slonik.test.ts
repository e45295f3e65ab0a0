import pg from 'pg';
import {
  type CommonQueryMethods,
  createPool,
  type DatabasePool,
  type DatabaseTransactionConnection,
  sql,
} from 'slonik';
import { conform, instrumentUnlessRaw } from './conform.ts';

// slonik is written for Node 22; this is what it misses before.
if (!('withResolvers' in Promise)) Reflect.set(Promise, 'withResolvers', withResolvers);

instrumentUnlessRaw(pg);

await conform<DatabasePool, DatabaseTransactionConnection>({
  name: 'slonik: instrumentPg',
  connect: (url, { max, attributed }) =>
    createPool(attributed ? url : `${url}?application_name=raw`, {
      maximumPoolSize: max,
      captureStackTrace: false,
      // The suite uses two connections at once on purpose.
      dangerouslyAllowForeignConnections: true,
    }),
  end: (pool) => pool.end(),
  run: async (on, text, values) => (await query(on, text, values)).rows as Record<string, unknown>[],
  result: query,
  transaction: (pool, body) => pool.transaction(body),
  nested: (connection, body) => connection.transaction(body),
});

function query(on: CommonQueryMethods, text: string, values: readonly string[]) {
  const parts = text.split(/\$\d/);
  const template = Object.freeze(Object.assign(parts, { raw: Object.freeze([...parts]) }));
  return on.query(sql.unsafe(template, ...values));
}

function withResolvers<T>(): object {
  let settle = {};
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return { promise, ...settle };
}
