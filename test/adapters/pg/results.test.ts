import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import Cursor from 'pg-cursor';
import QueryStream from 'pg-query-stream';
import { instrumentPg, wrapPool } from '../../../src/adapters/pg/index.ts';
import { actor, runWithActor } from '../../../src/index.ts';
import { separateCopyOf } from '../../conformance/conform.ts';
import { createTestDatabase } from '../../support/database.ts';

let raw: pg.Pool;
let wrapped: pg.Pool;

before(async () => {
  const { url } = await createTestDatabase();
  raw = new pg.Pool({ connectionString: url, max: 1 });
  wrapped = wrapPool(new pg.Pool({ connectionString: url, max: 1 }));
  await raw.query(`
    create table items (id int primary key, label text, amount numeric, at timestamptz, data jsonb, raw bytea);
    insert into items select i, 'label ' || i, i / 3.0, '2024-01-01Z', '{"a": 1}', '\\x00ff' from generate_series(1, 5) i;
    create table parents (id int primary key);
    create table children (parent int references parents deferrable initially deferred)`);
});

after(async () => {
  await raw.end();
  await wrapped.end();
});

type Shape = (client: pg.PoolClient) => unknown;

const UPDATE = 'update items set label = $1 where id = $2 returning *';

/** Every call shape, and what a caller can see of it. */
const SHAPES: Readonly<Record<string, Shape>> = {
  'a text': (client) => client.query('select * from items order by id'),
  'a text that writes': (client) => client.query("update items set label = 'x' where id = 1 returning *"),
  'an empty text': (client) => client.query(''),
  'a comment alone': (client) => client.query('-- nothing'),
  values: (client) => client.query(UPDATE, ['y', 2]),
  'an empty list of values': (client) => client.query("update items set label = 'z' where id = 3 returning *", []),
  'a config': (client) => client.query({ text: UPDATE, values: ['c', 3] }),
  'a config and values beside it': (client) => client.query({ text: UPDATE }, ['d', 3]),
  'rowMode array': (client) => client.query({ text: UPDATE, values: ['e', 3], rowMode: 'array' }),
  'types of its own': (client) =>
    client.query({
      text: UPDATE,
      values: ['f', 3],
      types: { getTypeParser: () => (value: string | Buffer) => `<${value}>` },
    }),
  'binary results': (client) => client.query({ text: UPDATE, values: ['g', 3], binary: true } as pg.QueryConfig),
  'a named statement, three times': async (client) => [
    await client.query({ name: 'n', text: UPDATE, values: ['h', 1] }),
    await client.query({ name: 'n', text: UPDATE, values: ['i', 2] }),
    await client.query({ name: 'n', values: ['j', 3] } as unknown as pg.QueryConfig),
  ],
  'a named statement that fails and then succeeds': async (client) => [
    await outcome(() => client.query({ name: 'f', text: 'insert into items (id) values ($1)', values: [1] })),
    await client.query({ name: 'f', text: 'insert into items (id) values ($1) ', values: [77] }).catch(plain),
    await client.query({ name: 'f', text: 'insert into items (id) values ($1)', values: [78] }),
    await client.query('delete from items where id > 5'),
  ],
  'a named statement that does not parse, and then another of that name': async (client) => [
    await outcome(() => client.query({ name: 'p', text: 'insert into nowhere values ($1)', values: [1] })),
    await outcome(() => client.query({ name: 'p', text: UPDATE, values: ['k', 1] })),
  ],
  'one name for two texts': async (client) => [
    await client.query({ name: 'two', text: 'select 1' }),
    await outcome(() => client.query({ name: 'two', text: UPDATE, values: ['k', 1] })),
    await client.query('select 1'),
  ],
  'the extended protocol by request': (client) =>
    client.query({ text: "update items set label = 'q' where id = 1", queryMode: 'extended' } as pg.QueryConfig),
  'a limit of rows per portal': (client) => client.query({ text: UPDATE, values: ['r', 1], rows: 2 } as pg.QueryConfig),
  'several statements': (client) =>
    client.query("select 1 as a; update items set label = 's' where id < 3; select 2 as b"),
  'several statements with an own transaction': (client) =>
    client.query(
      "begin isolation level serializable; update items set label = 't'; select 3 as c; commit; select 4 as d",
    ),
  'a callback': (client) =>
    new Promise((resolve) => client.query(UPDATE, ['u', 1], (error, result) => resolve([plain(error), result]))),
  'a callback for an error': (client) =>
    new Promise((resolve) =>
      client.query('insert into items values (1)', (error, result) => resolve([plain(error), result])),
    ),
  'a callback in the config': (client) =>
    new Promise((resolve) =>
      client.query({
        text: UPDATE,
        values: ['v', 1],
        callback: (error: Error, result: unknown) => resolve([plain(error), result]),
      } as pg.QueryConfig),
    ),
  'what the callback form returns': (client) => client.query('select 1', () => {}) as unknown,
  'a Query object': async (client) => {
    const query = client.query(new pg.Query(UPDATE, ['w', 1]));
    const rows: unknown[] = [];
    query.on('row', (row) => rows.push(row));
    const [result] = await once(query, 'end');
    return [rows, result, query instanceof pg.Query];
  },
  'a cursor': async (client) => {
    const cursor = client.query(new Cursor('update items set label = $1 returning id, label', ['x']));
    const pages = [await cursor.read(2), await cursor.read(2), await cursor.read(2)];
    await cursor.close();
    return pages;
  },
  'a stream': async (client) => {
    const rows: unknown[] = [];
    for await (const row of client.query(new QueryStream('update items set label = $1 returning id, label', ['y'])))
      rows.push(row);
    return rows;
  },
  nothing: (client) => outcome(() => client.query(undefined as unknown as string)),
  'values that are no array': (client) => outcome(() => client.query(UPDATE, 'oops' as unknown as unknown[])),
  'a value that cannot be written': (client) =>
    outcome(() =>
      client.query(UPDATE, [
        {
          toPostgres: () => {
            throw new RangeError('no');
          },
        },
        1,
      ]),
    ),
  'too few values': (client) => outcome(() => client.query(UPDATE, ['only one'])),
  'neither text nor name': (client) => outcome(() => client.query({ values: [1] } as unknown as pg.QueryConfig)),
  'a callback that is no function': (client) =>
    outcome(() => client.query({ text: 'select 1', callback: 3 } as unknown as pg.QueryConfig)),
  'a syntax error': (client) => outcome(() => client.query("update items sett label = 'é😀'")),
  'a syntax error behind wide characters': (client) =>
    outcome(() => client.query("update items set label = 'é😀' wheree id = 1")),
  'a syntax error with values': (client) => outcome(() => client.query('update items sett label = $1', ['x'])),
  'a syntax error in the third statement': (client) =>
    outcome(() => client.query("begin; update items set label = 'é😀'; selekt; commit")),
  'a ROLLBACK after it': (client) => client.query('rollback'),
  'several statements with values': (client) =>
    outcome(() => client.query('select 1; update items set label = $1', ['x'])),
  'a unique violation': (client) => outcome(() => client.query('insert into items (id) values (1)')),
  'a constraint that fails only at the end': (client) =>
    outcome(() => client.query('insert into children values (4711)')),
  'the same with values': (client) => outcome(() => client.query('insert into children values ($1)', [4711])),
  'COPY without a stream': (client) => outcome(() => client.query('copy items (id) from stdin')),
  'a query after that': (client) => client.query('select 1 as fine'),
  VACUUM: (client) => client.query('vacuum items'),
  'CREATE INDEX CONCURRENTLY': async (client) => [
    await client.query('create index concurrently by_label on items (label)'),
    await client.query('drop index concurrently by_label'),
  ],
  'VACUUM in a transaction': async (client) => [
    await client.query('begin'),
    await outcome(() => client.query('vacuum items')),
    await client.query('rollback'),
  ],
  'LOCK outside a transaction': (client) => outcome(() => client.query('lock table items')),
  'SAVEPOINT outside a transaction': (client) => outcome(() => client.query('savepoint s')),
  'DECLARE outside a transaction': (client) => outcome(() => client.query('declare c cursor for select 1')),
  'a statement in a failed transaction': async (client) => [
    await client.query('begin'),
    await outcome(() => client.query('select 1/0')),
    await outcome(() => client.query("update items set label = 'late'")),
    await client.query('commit'),
  ],
  'SET TRANSACTION as the first statement': async (client) => [
    await client.query('begin'),
    await client.query('set transaction isolation level serializable'),
    await client.query('show transaction_isolation'),
    await client.query("update items set label = 'serial'"),
    await client.query('commit'),
  ],
  'a READ ONLY transaction': async (client) => [
    await client.query('begin read only'),
    await client.query('select count(*) from items'),
    await outcome(() => client.query("update items set label = 'no'")),
    await client.query('rollback'),
  ],
  'a table that is locked first in REPEATABLE READ': async (client) => [
    await client.query('begin isolation level repeatable read'),
    await client.query('lock table items'),
    await client.query("update items set label = 'locked' where id = 1"),
    await client.query('commit'),
  ],
  'a procedure that commits': async (client) => [
    await client.query(
      "create or replace procedure steps() language plpgsql as $$ begin update items set label = '1'; commit; update items set label = '2'; end $$",
    ),
    await client.query('call steps()'),
    await client.query('call steps()'),
  ],
  'a DO block that commits': (client) => client.query("do $$ begin update items set label = '1'; commit; end $$"),
  'a procedure that commits, in a transaction': async (client) => [
    await client.query('begin'),
    await outcome(() => client.query('call steps()')),
    await client.query('rollback'),
  ],
  'two-phase commit': async (client) => [
    await client.query('begin'),
    await client.query("update items set label = 'prepared'"),
    await client.query("prepare transaction 'p1'"),
    await client.query("commit prepared 'p1'"),
  ],
  'LISTEN, NOTIFY, RESET and DISCARD': async (client) => [
    await client.query('listen c'),
    await client.query('notify c'),
    await client.query('unlisten c'),
    await client.query('reset all'),
    await client.query('discard all'),
  ],
  'row-level types': (client) =>
    client.query(
      "insert into items values (9, 'é', 1.50, '2024-02-03 04:05:06Z', '[1]', '\\x01') on conflict (id) do update set label = excluded.label returning *",
    ),
};

describe('with and without the wrapper, under a context, a caller sees the same', () => {
  for (const [name, shape] of Object.entries(SHAPES))
    test(name, async () => {
      const seen = async (pool: pg.Pool) => {
        const client = await pool.connect();
        const notices: unknown[] = [];
        const listener = (notice: { message?: string | undefined }) => notices.push(notice.message);
        client.on('notice', listener);
        const result = comparable(await shape(client));
        client.removeListener('notice', listener);
        client.release();
        return { result, notices };
      };
      const expected = await seen(raw);
      const actual = await runWithActor(actor.user('x'), () => seen(wrapped));
      assert.deepEqual(actual, expected);
    });
});

test('a COPY TO STDOUT that may write is read off the server no faster than its rows are taken', async () => {
  await raw.query(`create function large(i int) returns text language sql as $$ select repeat('x', 500000) $$`);
  const client = await wrapped.connect();
  let taken = 0;
  let most = 0;
  try {
    const text = 'copy (select large(i) from generate_series(1, 100) i) to stdout';
    const stream = runWithActor(actor.user('A'), () => client.query(copyTo(text)));
    for await (const chunk of stream) {
      if (taken === 0) await setTimeout(300);
      most = Math.max(most, stream.readableLength);
      taken += chunk.length;
    }
    assert.equal((await client.query('select 1 as one')).rows[0].one, 1);
  } finally {
    client.release();
  }
  assert.equal(taken, 100 * 500_001);
  assert.ok(most < 2_000_000, `${most} bytes were kept`);
});

test('a wrapped pool is the same object, of the same class, and wrapping it again does nothing', () => {
  const pool = new pg.Pool();
  const { connect } = wrapPool(pool);
  assert.equal(wrapPool(pool), pool);
  assert.equal(pool.connect, connect);
  assert.ok(pool instanceof pg.Pool);
});

for (const [name, make] of Object.entries({
  wrapPool: (config: pg.PoolConfig) => wrapPool(new pg.Pool(config)),
  instrumentPg: (config: pg.PoolConfig) => new (instrumentPg(separateCopyOf<typeof pg>('pg')).Pool)(config),
}))
  test(`${name}: a method that the application puts in front of a client's query gets what the caller gave, and the result`, async () => {
    const pool = make({ ...raw.options, max: 1 });
    const seen: unknown[] = [];
    pool.on('connect', (client) => {
      const { query } = client;
      const logged = async (...args: unknown[]): Promise<unknown> => {
        const result = (await Reflect.apply(query, client, args)) as pg.QueryResult;
        seen.push([...args, result.rows]);
        return result;
      };
      Object.assign(client, { query: logged });
    });
    await runWithActor(actor.user('x'), async () => {
      const client = await pool.connect();
      const { rows } = await client.query(
        UPDATE.replace('*', "current_setting('threadline.actor_ref')::json ->> 'id' as who"),
        ['l', 1],
      );
      assert.deepEqual(rows, [{ who: 'x' }]);
      client.release();
      (await pool.connect()).release();
    });
    await pool.end();
    assert.deepEqual(seen, [
      [UPDATE.replace('*', "current_setting('threadline.actor_ref')::json ->> 'id' as who"), ['l', 1], [{ who: 'x' }]],
    ]);
  });

test('a tracer and a class of the application in between may rewrite what the caller gave: it is attributed all the same', async () => {
  const traced = separateCopyOf<typeof pg>('pg');
  const { query } = traced.Client.prototype;
  // As OpenTelemetry's does with addSqlCommenterCommentToQueries.
  Object.assign(traced.Client.prototype, {
    query(config: unknown, ...rest: unknown[]) {
      const text = (given: unknown) => `${given} /* traced */`;
      const commented =
        typeof config === 'string' ? text(config) : { ...Object(config), text: text(Object(config).text) };
      return Reflect.apply(query, this, [commented, ...rest]);
    },
  });
  class Counting extends traced.Client {
    rows = 0;
    override async query(...args: unknown[]): Promise<never> {
      const result = (await Reflect.apply(super.query, this, args)) as pg.QueryResult;
      this.rows += result.rows.length;
      return result as never;
    }
  }
  const options = { ...raw.options, max: 1, query_timeout: 5000, Client: Counting };
  const pool = wrapPool(new traced.Pool(options as pg.PoolConfig));
  const client = await pool.connect();
  const write = `update items set label = 'n' where id = 1 returning current_setting('threadline.actor_ref')::json ->> 'id' as who, current_query() as text`;
  try {
    for (const config of [write, { text: write }]) {
      const { rows } = await runWithActor(actor.user('x'), () => client.query(config as string));
      assert.deepEqual(rows, [{ who: 'x', text: `${write} /* traced */` }]);
    }
    assert.equal((client as unknown as Counting).rows, 2);
  } finally {
    client.release(true);
    await pool.end();
  }
});

test('a configuration that pg left a callback in is given to it as it is, when there is a callback beside it', async () => {
  const pool = wrapPool(new pg.Pool({ ...raw.options, max: 1 }));
  const seen: unknown[] = [];
  pool.on('connect', (client) => {
    const { query } = client;
    Object.assign(client, {
      query(config: unknown, ...rest: unknown[]) {
        seen.push(config);
        return Reflect.apply(query, client, [config, ...rest]);
      },
    });
  });
  // As pg left it there until 8.22, also in an object of a class of the application's with private fields.
  const config = { text: 'select 1 as x', callback: () => assert.fail('not this one') };
  const { rows } = await pool.query(config);
  await pool.end();
  assert.deepEqual(rows, [{ x: 1 }]);
  assert.equal(seen[0], config);
});

test('a query of the application that is taken back, to what it was before the client was wrapped, is wrapped again', async () => {
  const pool = new pg.Pool({ ...raw.options, max: 1 });
  const early = await pool.connect();
  const { query } = early;
  early.release();
  wrapPool(pool);
  (await pool.connect()).release();
  Object.assign(early, { query });
  const { rows } = await runWithActor(actor.user('x'), () =>
    pool.query(
      "update items set label = 'm' where id = 1 returning current_setting('threadline.actor_ref', true)::json ->> 'id' as who",
    ),
  );
  await pool.end();
  assert.deepEqual(rows, [{ who: 'x' }]);
});

/** What an operation ends in, thrown at once or later. */
async function outcome(run: () => unknown): Promise<unknown> {
  try {
    return await run();
  } catch (error) {
    return plain(error);
  }
}

/** An error with all its fields but the stack, and the place in the server's source. */
function plain(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  return { ...error, name: error.name, message: error.message, constructor: error.constructor.name };
}

/** pg's results hold functions, which are never equal. */
function comparable(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_key, member: unknown) => {
      if (typeof member === 'function') return `function ${member.name}`;
      if (typeof member === 'bigint') return String(member);
      return member === undefined ? 'undefined' : member;
    }) ?? '"undefined"',
  );
}
