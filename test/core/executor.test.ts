import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { PGlite } from '@electric-sql/pglite';
import knex from 'knex';
import pg from 'pg';
import postgres from 'postgres';
import { type Database, toExecutor } from '../../src/core/executor.ts';
import { createTestDatabase } from '../support/database.ts';

const database = await createTestDatabase();
const closers: (() => unknown)[] = [];
after(async () => {
  for (const close of closers.reverse()) await close();
});

/** A way to hold a database; `use` gets one that is ready, and may be a transaction of its own. */
interface Kind {
  readonly name: string;
  readonly use: (work: (db: Database) => Promise<void>) => Promise<void>;
}

const pool = new pg.Pool({ connectionString: database.url, max: 2 });
const sql = postgres(database.url, { max: 2, onnotice: () => {} });
const db = knex({ client: 'pg', connection: database.url, pool: { min: 0, max: 2 } });
const unwrapping = knex({
  client: 'pg',
  connection: database.url,
  pool: { min: 0, max: 1 },
  postProcessResponse: (result) => result.rows ?? result,
});
const pglite = new PGlite();
closers.push(
  () => pool.end(),
  () => sql.end(),
  () => db.destroy(),
  () => unwrapping.destroy(),
  () => pglite.close(),
);

const kinds: readonly Kind[] = [
  { name: 'a pg Pool', use: (work) => work(pool) },
  {
    name: 'a pg Client',
    use: async (work) => {
      const client = new pg.Client(database.url);
      await client.connect();
      await work(client).finally(() => client.end());
    },
  },
  {
    name: 'a client out of a pg Pool',
    use: async (work) => {
      const client = await pool.connect();
      await work(client).finally(() => client.release());
    },
  },
  {
    name: 'a Knex instance with a postProcessResponse that makes rows of raw results',
    use: (work) => work(unwrapping),
  },
  { name: 'a postgres.js sql', use: (work) => work(sql) },
  {
    name: 'the sql of a postgres.js transaction',
    use: (work) => sql.begin((transaction) => work(transaction)).then(() => {}),
  },
  {
    name: 'a reserved postgres.js connection',
    use: async (work) => {
      const reserved = await sql.reserve();
      await work(reserved).finally(() => reserved.release());
    },
  },
  { name: 'a Knex instance', use: (work) => work(db) },
  { name: 'a Knex transaction', use: (work) => db.transaction((transaction) => work(transaction)) },
  { name: 'a PGlite', use: (work) => work(pglite) },
  { name: 'a PGlite transaction', use: (work) => pglite.transaction((transaction) => work(transaction)) },
  {
    name: 'an object with query',
    use: (work) => work({ query: (text: string, values?: unknown[]) => pool.query(text, values) }),
  },
];

for (const { name, use } of kinds)
  describe(name, () => {
    test('runs a query with parameters, the same one twice and in any order', () =>
      use(async (held) => {
        const rows = await toExecutor(held).query(
          'select $2::text as second, $1::text as first, $2::text || $1::text as both, $3::text is null as absent',
          ['a', 'b', null],
        );
        assert.deepEqual(plain(rows), [{ second: 'b', first: 'a', both: 'ba', absent: true }]);
      }));

    test('runs a query without parameters, and one that returns nothing', () =>
      use(async (held) => {
        const executor = toExecutor(held);
        assert.deepEqual(plain(await executor.query('select 1 as one union all select 2 order by one', [])), [
          { one: 1 },
          { one: 2 },
        ]);
        assert.deepEqual(plain(await executor.query('select 1 as one where false', [])), []);
        assert.deepEqual(plain(await executor.query('select where $1::text is null', ['x'])), []);
      }));

    test('hands on values with quotes, question marks, dollars, backslashes and arrays', () =>
      use(async (held) => {
        const text = `it's ?, $1, \\?, \\ and "quoted" :name ??`;
        const rows = await toExecutor(held).query(
          'select $1::text as text, $2::text[] as list, 7 = any ($3::int[]) as found',
          [text, ['a?', text], [6, 7]],
        );
        assert.deepEqual(plain(rows), [{ text, list: ['a?', text], found: true }]);
      }));

    test('takes JSON and times as text that is cast, whatever the driver makes of the types', () =>
      use(async (held) => {
        const rows = await toExecutor(held).query(
          `select ($1::text::jsonb)::text as json, $2::text::timestamptz = '2024-05-06 07:08:09.123456Z' as time,
            jsonb_typeof($1::text::jsonb) as kind`,
          ['{"a":["?",1]}', '2024-05-06T07:08:09.123456Z'],
        );
        assert.deepEqual(plain(rows), [{ json: '{"a": ["?", 1]}', time: true, kind: 'object' }]);
      }));

    test('takes question marks in the text as they are', () =>
      use(async (held) => {
        const rows = await toExecutor(held).query(
          `select '{"a":1}'::jsonb ? $1::text as has, '{"a":1}'::jsonb ?| array['b'] as any, 'why? ??' as text`,
          ['a'],
        );
        assert.deepEqual(plain(rows), [{ has: true, any: false, text: 'why? ??' }]);
        assert.deepEqual(plain(await toExecutor(held).query("select 'why?' as text", [])), [{ text: 'why?' }]);
      }));

    test('runs a script of several statements, with dollar quotes and question marks', () =>
      use(async (held) => {
        const executor = toExecutor(held);
        await executor.script(`
          create table scripted (text text);
          do $body$ begin insert into scripted values ('why? $1 ''quoted'''); end $body$;
          insert into scripted values ('\\d ??'); -- and so on?
        `);
        assert.deepEqual(plain(await executor.query('select text from scripted order by text', [])), [
          { text: '\\d ??' },
          { text: "why? $1 'quoted'" },
        ]);
        await executor.script('drop table scripted');
      }));

    test('a failing query rejects with the error of the driver', async () => {
      await assert.rejects(
        use(async (held) => void (await toExecutor(held).query('select 1 from nowhere_at_all', []))),
        { code: '42P01' },
      );
    });

    test('a script whose last statement fails leaves nothing', async () => {
      await assert.rejects(
        use((held) => toExecutor(held).script('create table half_made (); select 1 / 0')),
        { code: '22012' },
      );
      await use(async (held) => {
        const rows = await toExecutor(held).query("select to_regclass('half_made') is null as gone", []);
        assert.deepEqual(plain(rows), [{ gone: true }]);
      });
    });
  });

test('whatever cannot be queried is refused', () => {
  for (const value of [undefined, null, 'postgres://localhost', {}, () => {}, { query: 'select' }, { raw: () => {} }])
    assert.throws(() => toExecutor(value as Database), { code: 'TL_DATABASE_UNSUPPORTED' });
});

/** Rows without the classes of their drivers. */
function plain(rows: readonly object[]): object[] {
  return rows.map((row) => ({ ...row }));
}
