import { pipeline } from 'node:stream/promises';
import postgres, { type Sql, type TransactionSql } from 'postgres';
import { wrapPostgres } from '../../../src/adapters/postgres/index.ts';
import type { AdapterHarness } from '../../../src/testing/index.ts';
import { conform } from '../../conformance/conform.ts';

/** Simple messages where there is no parameter, as `unsafe` does it, and extended ones where there is. */
const plain: AdapterHarness<Sql, Sql | TransactionSql> = {
  name: 'postgres.js: wrapPostgres',
  connect: (url, { max, attributed }) => open(url, { max, attributed }),
  end: (sql) => sql.end(),
  run: async (on, text, values) => [...(await on.unsafe(text, [...values]))],
  result: async (on, text, values) => shapeOf(await on.unsafe(text, [...values])),
  lazy: (on, text, values) => on.unsafe(text, [...values]),
  script: (on, text) => on.unsafe(text),
  transaction: (sql, body) => sql.begin(body) as Promise<never>,
  serializable: (sql, body) => sql.begin('isolation level serializable', body) as Promise<never>,
  nested: (on, body) => (on as TransactionSql).savepoint(body) as Promise<never>,
  session: async (sql, body) => {
    const reserved = await sql.reserve();
    try {
      return await body(reserved);
    } finally {
      reserved.release();
    }
  },
  each: (sql, text, onRow) => sql.unsafe(text).forEach(onRow),
  copyFrom: async (on, text, data) => pipeline([Buffer.from(data)], await on.unsafe(text).writable()),
};

await conform(plain);

await conform<Sql, Sql | TransactionSql>({
  ...plain,
  name: 'postgres.js: wrapPostgres, tagged queries',
  run: async (on, text, values) => [...(await tagged(on, text, values))],
  result: async (on, text, values) => shapeOf(await tagged(on, text, values)),
  lazy: tagged,
});

await conform<Sql, Sql | TransactionSql>({
  ...plain,
  name: 'postgres.js: wrapPostgres, tagged queries, prepare: false',
  connect: (url, { max, attributed }) => open(url, { max, attributed, prepare: false }),
  run: async (on, text, values) => [...(await tagged(on, text, values))],
  result: async (on, text, values) => shapeOf(await tagged(on, text, values)),
  lazy: tagged,
});

interface OpenOptions {
  readonly max: number;
  readonly attributed: boolean;
  readonly prepare?: boolean;
}

function open(url: string, { attributed, ...options }: OpenOptions): Sql {
  const sql = postgres(url, { ...options, onnotice: () => {} });
  return attributed ? wrapPostgres(sql) : sql;
}

function tagged(on: Sql | TransactionSql, text: string, values: readonly string[]) {
  const strings = text.split(/\$\d/);
  return on(Object.assign(strings, { raw: strings }) as unknown as TemplateStringsArray, ...values);
}

/** All of a result but the connection's and the statement's own names. */
function shapeOf(result: postgres.RowList<postgres.Row[]>): unknown {
  const { command, count, columns, statement } = result;
  const { name: _name, ...described } = statement ?? {};
  return { rows: [...result], command, count, columns, described };
}
