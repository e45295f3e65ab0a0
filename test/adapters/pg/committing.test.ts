import assert from 'node:assert/strict';
import { before, beforeEach, describe, test } from 'node:test';
import pg from 'pg';
import Cursor from 'pg-cursor';
import QueryStream from 'pg-query-stream';
import { wrapClient } from '../../../src/adapters/pg/index.ts';
import { actor, runWithActor } from '../../../src/index.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';

let database: TestDatabase;

before(async () => {
  database = await createTestDatabase();
  await database.admin.query(`
    create table seen (who text);
    create procedure keep(inout who text) language plpgsql as $$ begin
      insert into seen values (who); commit; who := who || '!'; end $$`);
});
beforeEach(() => database.admin.query('truncate seen'));

const written = async () => (await database.admin.query('select who from seen')).rows.map(({ who }) => who);

/** What `work` does as A, within two seconds, on a connection that works afterwards. */
async function onClient<T>(work: (client: pg.Client) => Promise<T>, config: object = {}): Promise<T> {
  const client = wrapClient(new pg.Client({ connectionString: database.url, ...config }));
  await client.connect();
  const end = setTimeout(() => (client as unknown as { connection: pg.Connection }).connection.stream.destroy(), 2000);
  try {
    const result = await runWithActor(actor.user('A'), () => work(client) as Promise<never>);
    assert.deepEqual((await client.query('select 1 as x')).rows, [{ x: 1 }]);
    return result;
  } finally {
    clearTimeout(end);
    await client.end();
  }
}

describe('a CALL that commits, read in portions', () => {
  test('by a cursor', async () => {
    const rows = await onClient(async (client) => {
      const cursor = client.query(new Cursor('call keep($1) /* cursor */', ['x']));
      const first = await cursor.read(5);
      await cursor.close();
      return first;
    });
    assert.deepEqual([rows, await written()], [[{ who: 'x!' }], ['x']]);
  });

  test('by a stream', async () => {
    const rows = await onClient(async (client) => {
      const all: unknown[] = [];
      for await (const row of client.query(new QueryStream('call keep($1) /* stream */', ['x']))) all.push(row);
      return all;
    });
    assert.deepEqual([rows, await written()], [[{ who: 'x!' }], ['x']]);
  });

  test('by a query with a number of rows', async () => {
    const { rows } = await onClient((client) =>
      client.query({ text: 'call keep($1) /* rows */', values: ['x'], rows: 5 } as pg.QueryConfig),
    );
    assert.deepEqual([rows, await written()], [[{ who: 'x!' }], ['x']]);
  });
});

test('in a pipeline, a DO that may not commit in its transaction does not go out behind that', async () => {
  const outcomes = await onClient(
    (client) =>
      Promise.allSettled([
        client.query('begin'),
        client.query("do $$ begin insert into seen values ('x'); commit; end $$"),
        client.query('rollback'),
      ]),
    { pipeline: true },
  );
  assert.deepEqual(
    outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason.code : outcome.value.command)),
    ['BEGIN', '2D000', 'ROLLBACK'],
  );
  assert.deepEqual(await written(), []);
});

test('a CALL that commits runs once from the second time on, whatever comment a tracer appends to it', async () => {
  await database.admin.query(`
    create sequence runs;
    create procedure counted() language plpgsql as $$ begin perform nextval('runs'); commit; end $$`);
  await onClient(async (client) => {
    for (const trace of ['a', 'b', 'c']) await client.query(`call counted() /*traceparent='${trace}'*/`);
  });
  const { rows } = await database.admin.query("select nextval('runs')::int - 1 as runs");
  assert.deepEqual(rows, [{ runs: 4 }]);
});
