import assert from 'node:assert/strict';
import { once } from 'node:events';
import { before, beforeEach, test } from 'node:test';
import postgres, { type Sql } from 'postgres';
import { wrapPostgres } from '../../../src/adapters/postgres/index.ts';
import { actor, currentActor } from '../../../src/index.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { clearNotes, createNotes, readNotes } from '../../support/notes.ts';
import { as, quiet } from './shapes.ts';

let database: TestDatabase;

before(async () => {
  database = await createTestDatabase();
  await createNotes(database.admin);
});
beforeEach(() => clearNotes(database.admin));

const POINT: postgres.PostgresType<{ x: number; y: number }> = {
  to: 600,
  from: [600],
  serialize: ({ x, y }) => `(${x},${y})`,
  parse: (text: string) => {
    const [x, y] = text.slice(1, -1).split(',').map(Number);
    return { x: x ?? 0, y: y ?? 0 };
  },
};

async function actorsOf(bodies: readonly string[]): Promise<readonly (string | null | undefined)[]> {
  const rows = await readNotes(database.admin);
  return bodies.map((name) => rows.find(({ body }) => body === name)?.actor);
}

test('sql keeps its type: generics of its own types, of rows and of transactions', async () => {
  const bare = postgres(database.url, { ...quiet({ max: 1 }), types: { point: POINT } });
  const sql: typeof bare = wrapPostgres(bare);
  await as('A', async () => {
    const rows = await sql<{ at: { x: number; y: number } }[]>`select ${sql.types.point({ x: 1, y: 2 })} as at`;
    const x: number | undefined = rows[0]?.at.x;
    assert.equal(x, 1);
    const [typed] = await sql`select ${sql.typed.point({ x: 3, y: 4 })} as at`;
    assert.deepEqual(typed?.['at'], { x: 3, y: 4 });
    const [first, second] = await sql.begin((tx) => [tx<[{ n: number }]>`select 1 as n`, tx`select 2 as n`]);
    const n: number = first[0].n;
    assert.deepEqual([n, second[0]?.['n']], [1, 2]);
    // @ts-expect-error: there is no such type
    assert.equal(sql.types.polygon, undefined);
  });
  await sql.end();
});

test('what belongs to sql is there, in transactions and on reserved connections as well', async () => {
  const sql = wrapPostgres(postgres(database.url, quiet({ max: 2 })));
  // The driver knows array types only once it has fetched them.
  await sql`select 1`;
  const helpers = async (on: postgres.ISql) => {
    const tags = on.array(['x', 'y']);
    const [row] =
      await on`select ${on.json({ a: [1] })}::jsonb as data, ${tags}::text[] as tags, ${on.typed('T', 25)} as text`;
    return { ...row };
  };
  const expected = { data: { a: [1] }, tags: ['x', 'y'], text: 'T' };
  await as('A', async () => {
    assert.deepEqual(await helpers(sql), expected);
    assert.deepEqual(await sql.begin(helpers), expected);
    const reserved = await sql.reserve();
    assert.deepEqual(await helpers(reserved), expected);
    reserved.release();
  });
  assert.equal(sql.options.max, 2);
  assert.equal(sql.parameters['client_encoding'], 'UTF8');
  assert.equal(sql.PostgresError, postgres.PostgresError);
  assert.ok(sql.CLOSE && sql.END);
  await sql.end();
});

test('listen, notify and unlisten', async () => {
  const sql = wrapPostgres(postgres(database.url, quiet({ max: 1 })));
  let hear: (payload: string) => void = () => {};
  const heard = new Promise<unknown>((resolve) => {
    hear = (payload) => resolve([payload, currentActor()]);
  });
  let isListening = false;
  const { unlisten } = await as('A', () =>
    sql.listen('news', hear, () => {
      isListening = true;
    }),
  );
  assert.equal(isListening, true);
  await as('B', () => sql.notify('news', 'hello'));
  assert.deepEqual(await heard, ['hello', actor.user('A')]);
  await unlisten();
  await sql.end();
});

test('subscribe follows the changes in the context of its call', async () => {
  await database.admin.query('create publication alltables for table notes');
  const sql = wrapPostgres(postgres(database.url, { ...quiet({ max: 1 }), publications: 'alltables' }));
  let see: (row: unknown) => void = () => {};
  const seen = new Promise<unknown>((resolve) => {
    see = (row) => resolve([Reflect.get(Object(row), 'body'), currentActor()]);
  });
  const { unsubscribe } = await as('A', () => sql.subscribe('insert:notes', (row) => see(row)));
  await as('B', () => sql`insert into notes (body) values (${'B'})`);
  assert.deepEqual(await seen, ['B', actor.user('A')]);
  unsubscribe();
  await sql.end();
  assert.deepEqual(await actorsOf(['B']), ['B']);
});

test('a transaction by BEGIN and COMMIT on a pool of one connection', async () => {
  const sql = wrapPostgres(postgres(database.url, quiet({ max: 1 })));
  await sql`begin`;
  await as('A', () => sql`insert into notes (body) values (${'A'})`);
  await as('B', () => sql`insert into notes (body) values (${'B'})`);
  await sql`insert into notes (body) values (${'nobody'})`;
  await sql`commit`;
  await sql.end();
  assert.deepEqual(await actorsOf(['A', 'B', 'nobody']), ['A', 'B', null]);
});

test('end waits for what is under way, and what comes later is refused as before', async () => {
  const sql = wrapPostgres(postgres(database.url, quiet({ max: 2 })));
  const writing = as('A', async () => sql`insert into notes (body) select 'A' from pg_sleep(0.05)`);
  const writingB = as('B', async () => sql`insert into notes (body) values (${'B'})`);
  await new Promise((resolve) => setImmediate(resolve));
  await Promise.all([sql.end(), writing, writingB]);
  await assert.rejects(
    as('C', () => sql`insert into notes (body) values (${'C'})`),
    { code: 'CONNECTION_ENDED' },
  );
  assert.deepEqual(await actorsOf(['A', 'B', 'C']), ['A', 'B', undefined]);
});

test('end with a time-out rejects what is still under way', async () => {
  const sql = wrapPostgres(postgres(database.url, quiet({ max: 1 })));
  await sql`select 1`;
  const slow = as('A', async () => sql`select ${'A'}, pg_sleep(30)`);
  const behind = as('B', async () => sql`insert into notes (body) values ('B')`);
  const outcomes = Promise.allSettled([slow, behind]);
  await sleeping();
  await sql.end({ timeout: 0 });
  for (const { status } of await outcomes) assert.equal(status, 'rejected');
  await database.admin.query(`select pg_terminate_backend(pid) from (${SLEEPING}) as sleeping`);
});

test('close ends the connections, and the pool opens others', async () => {
  const sql = wrapPostgres(postgres(database.url, quiet({ max: 2 })));
  await as('A', () => sql`insert into notes (body) values (${'A'})`);
  await (sql as Sql & { close(): Promise<void> }).close();
  await as('B', () => sql`insert into notes (body) values (${'B'})`);
  await sql.end();
  assert.deepEqual(await actorsOf(['A', 'B']), ['A', 'B']);
});

test('rows that are copied in, with an error of the application and with its end', async () => {
  const sql = wrapPostgres(postgres(database.url, quiet({ max: 1 })));
  await as('A', async () => {
    const broken = await sql`copy notes (body) from stdin`.writable();
    const failed = once(broken, 'error');
    broken.write('lost\n');
    broken.destroy(new Error('mine'));
    await failed;
    await sql`select 1`.catch(() => {});
    const stream = await sql`copy notes (body) from stdin`.writable();
    stream.end('A\n');
    await once(stream, 'finish');
  });
  await sql.end();
  assert.deepEqual(await actorsOf(['A', 'lost']), ['A', undefined]);
});

const SLEEPING = "select pid from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'";

async function sleeping(): Promise<void> {
  while ((await database.admin.query(SLEEPING)).rows.length === 0) void 0;
}
