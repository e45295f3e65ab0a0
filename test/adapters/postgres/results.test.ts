import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import postgres, { type Sql } from 'postgres';
import { wrapPostgres } from '../../../src/adapters/postgres/index.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { as, quiet } from './shapes.ts';

let database: TestDatabase;

before(async () => {
  database = await createTestDatabase();
  await database.admin.query(`
    create type mood as enum ('sad', 'happy');
    create table people (id int primary key generated always as identity, full_name text, age int check (age > 0), tags text[], data jsonb, mood mood);
    create function shout(text) returns text language plpgsql as $$ begin raise notice '%', $1; return upper($1); end $$;
    create procedure counted(inout n int) language plpgsql as $$ begin n := n + 1; end $$`);
});

type Work = (sql: Sql) => PromiseLike<unknown>;

const LIST = ['a', 'b'];

/** What the driver's own documentation shows, and every shape of a result. */
const WORK: Readonly<Record<string, Work>> = {
  select: (sql) => sql`select ${1}::int as one, ${'x'} as x, null as nothing`,
  'insert, twice': async (sql) => [
    await sql`insert into people (full_name, age) values (${'Ann'}, ${30})`,
    await sql`insert into people (full_name, age) values (${'Bob'}, ${31})`,
  ],
  'insert with returning': (sql) =>
    sql`insert into people ${sql({ full_name: 'Cy', age: 3 })} returning full_name, age`,
  'several rows': (sql) =>
    sql`insert into people ${sql(
      [
        { full_name: 'D', age: 4 },
        { full_name: 'E', age: 5 },
      ],
      'full_name',
      'age',
    )} returning *`.then((rows) => rows.map(({ full_name }) => full_name)),
  update: (sql) => sql`update people set ${sql({ age: 40 }, 'age')} where full_name = ${'Ann'} returning age`,
  'an update of nothing': (sql) => sql`update people set age = 41 where full_name = ${'Nobody'}`,
  delete: (sql) => sql`delete from people where full_name in ${sql(['D', 'E'])}`,
  'identifiers and lists': (sql) =>
    sql`select ${sql('full_name')} from ${sql('people')} where full_name in ${sql(LIST)}`,
  'dynamic columns': (sql) => sql`select ${sql(['full_name', 'age'])} from people order by full_name`,
  fragments: (sql) => sql`select ${sql`1 + ${2}::int`} as three ${[sql`, 4 as four`, sql`, 5 as five`]}`,
  'array and json': (sql) =>
    sql`insert into people (full_name, tags, data) values ('T', ${sql.array(['x', 'y'])}, ${sql.json({ a: [1] })}) returning tags, data`,
  'a typed value': (sql) =>
    sql`insert into people (full_name, mood) values (${sql.typed('T2', 25)}, 'sad') returning mood`,
  'values()': (sql) => sql`insert into people (full_name) values ('V') returning full_name, age`.values(),
  'raw()': (sql) => sql`insert into people (full_name) values ('R') returning full_name, age`.raw(),
  'simple()': (sql) => sql`insert into people (full_name) values ('S')`.simple(),
  'simple() with returning': (sql) => sql`insert into people (full_name) values ('S') returning full_name`.simple(),
  unsafe: (sql) => sql.unsafe("insert into people (full_name) values ('U')"),
  'unsafe with parameters': (sql) =>
    sql.unsafe('insert into people (full_name) values ($1) returning full_name', ['U']),
  'a text of several statements': (sql) =>
    sql.unsafe(
      "select 1 as one; insert into people (full_name) values ('M'); select 2 as two; update people set age = 5",
    ),
  'a text with transactions in it': (sql) =>
    sql.unsafe(
      "start transaction; insert into people (full_name) values ('M') returning full_name; commit; select 1 as x",
    ),
  'an empty text': (sql) => sql.unsafe(''),
  'a comment': (sql) => sql.unsafe('-- nothing'),
  utility: (sql) => sql.unsafe('create table made (x int)'),
  'explain analyze': (sql) =>
    sql`explain (analyze, costs off, timing off, summary off, buffers off) insert into people (full_name) values (${'X'})`,
  'a call': (sql) => sql`call counted(${1})`,
  'a simple call': (sql) => sql.unsafe('call counted(1)'),
  'a do block': (sql) => sql.unsafe('do $$ begin perform 1; end $$'),
  'a cursor': async (sql) => {
    const batches: unknown[] = [];
    for await (const rows of sql`insert into people (full_name) select 'c' || n from generate_series(1, 5) n returning full_name`.cursor(
      2,
    ))
      batches.push([...rows]);
    return batches;
  },
  'a cursor that is closed early': async (sql) => {
    const batches: unknown[] = [];
    for await (const rows of sql`select shout(n::text) from generate_series(1, 50) n`.cursor(2)) {
      batches.push([...rows]);
      break;
    }
    return batches;
  },
  'a cursor with a callback that closes it': async (sql) => {
    const batches: unknown[] = [];
    await sql`select shout(n::text) from generate_series(1, 5) n`.cursor(2, (rows) => {
      batches.push([...rows]);
      return sql.CLOSE;
    });
    return batches;
  },
  'forEach()': async (sql) => {
    const rows: unknown[] = [];
    const result = await sql`insert into people (full_name) values ('f'), ('g') returning full_name`.forEach((row) => {
      rows.push(row);
    });
    return [rows, shape(result)];
  },
  'describe()': (sql) => sql`insert into people (full_name) values (${'never'}) returning id`.describe(),
  'copy out': async (sql) => {
    const stream = await sql`copy (select shout('x')) to stdout`.readable();
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  },
  'copy in': async (sql) => {
    const stream = await sql`copy people (full_name) from stdin`.writable();
    await new Promise((resolve, reject) => stream.on('finish', resolve).on('error', reject).end('one\ntwo\n'));
    return sql`select count(*) from people where full_name in ('one', 'two')`;
  },
  'large rows and many of them': async (sql) =>
    (await sql`select shout(repeat('x', 100000)) as x, n from generate_series(1, 30) n`).map(({ x, n }) => [
      x.length,
      n,
    ]),
  'a result of begin': (sql) =>
    sql.begin((tx) => [tx`select 1 as one`, tx`insert into people (full_name) values ('b')`]),
  parameters: async (sql) => {
    await sql`select 1`;
    return [sql.parameters['server_encoding'], sql.options.max];
  },
};

const FAILURES: Readonly<Record<string, Work>> = {
  'a syntax error': (sql) => sql`insert into people (full_name) valuess (${'x'})`,
  'a syntax error in a simple text': (sql) => sql.unsafe("insert into people (full_name) valuess ('x')"),
  'a missing column': (sql) => sql`insert into people (full_name, nonsense) values (${'x'}, ${'y'})`,
  'a missing column behind a wide character': (sql) =>
    sql.unsafe("insert into people (full_name, nonsense) values ('é😀')"),
  'a missing column in a text with a transaction': (sql) =>
    sql.unsafe(
      "start transaction; insert into people (full_name) values ('é😀'); insert into people (nonsense) values (1)",
    ),
  'a broken constraint': (sql) => sql`insert into people (age) values (${-1})`,
  'a broken constraint in a simple text': (sql) => sql.unsafe('insert into people (age) values (-1)'),
  'a broken constraint in a known statement': async (sql) => {
    await sql`insert into people (age) values (${1})`;
    await sql`insert into people (age) values (${-1})`;
  },
  'a value of a wrong type': (sql) => sql`insert into people (age) values (${'no number'})`,
  'a value too many': (sql) => sql.unsafe('insert into people (age) values ($1)', [1, 2]),
  'a value too few': (sql) => sql.unsafe('insert into people (age) values ($1)'),
  'an undefined value': (sql) => sql`insert into people (age) values (${undefined as never})`,
  'an error of a function': (sql) => sql`select shout('x') / ${0}::int`,
  'an error in a do block': (sql) =>
    sql.unsafe("do $$ begin raise exception 'mine' using errcode = 'ZZ001', detail = 'd', hint = 'h'; end $$"),
  'an error in a transaction': (sql) => sql.begin((tx) => tx`insert into people (age) values (${-1})`),
  'an error behind an error in a transaction': (sql) =>
    sql.begin(async (tx) => {
      await tx`select 1 / 0`.catch(() => {});
      await tx`insert into people (full_name) values (${'x'})`;
    }),
  'an error in a cursor': (sql) => sql`insert into people (age) values (${-1}) returning id`.cursor(2, () => {}),
  'an error in forEach()': (sql) => sql`insert into people (age) values (-1) returning id`.forEach(() => {}),
  'an error in describe()': (sql) => sql`insert into people (nonsense) values (${1})`.describe(),
  'a file that is not there': (sql) => sql.file('/nowhere.sql', ['x']),
  'an error of the callback of begin': (sql) => sql.begin(() => Promise.reject(new Error('mine'))),
};

type Options = postgres.Options<Record<string, postgres.PostgresType>> & { readonly max_pipeline?: number };

const OPTIONS: Readonly<Record<string, Options>> = {
  'as it comes': {},
  'prepare: false': { prepare: false },
  'a camel transform, and undefined as null': { transform: { ...postgres.camel, undefined: null } },
  'fetch_types: false, max_pipeline: 1': { fetch_types: false, max_pipeline: 1 },
  'debug, and types of its own': {
    debug: true,
    types: { int: { to: 23, from: [23], serialize: String, parse: (text: string) => `int ${text}` } },
  },
};

for (const [options, given] of Object.entries(OPTIONS))
  describe(`with and without the adapter, ${options}`, () => {
    const open = (max = 2) => postgres(database.url, quiet({ max, ...given })) as Sql;
    let raw: Sql;
    let wrapped: Sql;

    before(() => {
      raw = open();
      wrapped = wrapPostgres(open());
    });
    after(() => Promise.all([raw.end(), wrapped.end()]));

    // The driver knows array types only once it has fetched them.
    const known = Object.entries(WORK).filter(([name]) => given.fetch_types !== false || name !== 'array and json');
    for (const [name, work] of known)
      test(`the same result: ${name}`, async () => {
        const reset = () => database.admin.query('drop table if exists made; truncate people restart identity');
        await reset();
        const expected = shape(await work(raw));
        await reset();
        const actual = shape(await as('A', () => work(wrapped)));
        assert.deepEqual(actual, expected);
      });

    for (const [name, work] of Object.entries(FAILURES))
      test(`the same error: ${name}`, async () => {
        // Some leave their connection in a transaction.
        const [rawSql, sql] = [open(1), wrapPostgres(open(1))];
        const reset = () => database.admin.query('truncate people restart identity');
        await reset();
        const expected = await failure(work(rawSql));
        await sql`select 1`;
        await Promise.all([rawSql.end(), reset()]);
        if (options === 'as it comes') assert.notEqual(expected, NO_ERROR);
        assert.deepEqual(await failure(as('A', () => work(sql))), expected);
        await sql.unsafe('rollback');
        const next = await as('A', () =>
          sql`insert into people (full_name) values ('next')`.then(({ count }) => count),
        );
        assert.equal(next, 1);
        await sql.end();
      });
  });

test('a BEGIN that is not reserved for is refused as before', async () => {
  const sql = wrapPostgres(postgres(database.url, quiet({ max: 2 })));
  await assert.rejects(
    as('A', () => sql`begin`),
    { code: 'UNSAFE_TRANSACTION' },
  );
  await sql.end();
});

test('notices reach the option onnotice', async () => {
  const notices: unknown[] = [];
  const sql = wrapPostgres(postgres(database.url, { max: 1, onnotice: (notice) => notices.push(notice['message']) }));
  await as('A', () => sql`select shout(${'hello'})`);
  await sql.end();
  assert.deepEqual(notices, ['hello']);
});

test('a large object can be written and read', async () => {
  const sql = wrapPostgres(postgres(database.url, quiet({ max: 1 })));
  await as('A', async () => {
    const object = await sql.largeObject();
    await object.write(Buffer.from('hello'));
    await object.seek(0);
    const [row] = (await object.read(5)) as unknown as [{ data: Buffer }];
    assert.equal(row.data.toString(), 'hello');
    await object.close();
  });
  await sql.end();
});

test('a query that is cancelled rejects, and the connection lives on', async () => {
  const sql = wrapPostgres(postgres(database.url, quiet({ max: 1 })));
  await as('A', async () => {
    const query = sql`insert into people (full_name) select 'slow' from pg_sleep(30)`.execute();
    for (;;) {
      const { rows } = await database.admin.query(
        "select 1 from pg_stat_activity where query like '%slow%' and wait_event = 'PgSleep'",
      );
      if (rows.length > 0) break;
    }
    query.cancel();
    await assert.rejects(query, { code: '57014' });
    await sql`insert into people (full_name) values (${'next'})`;
  });
  await sql.end();
});

/** All of a result but what is another one on every connection. */
function shape(value: unknown): unknown {
  if (!Array.isArray(value)) return described(value);
  const { command, count, columns, statement } = value as unknown as postgres.RowList<postgres.Row[]>;
  return { rows: value.map(shape), command, count, columns: columns?.map(described), statement: described(statement) };
}

/** A description of a statement or a column, without its own name and functions. */
function described(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if ('parser' in value) return { ...value, parser: typeof value.parser };
  if (!('string' in value && 'columns' in value && Array.isArray(value.columns))) return value;
  return { ...value, name: undefined, columns: value.columns.map(described) };
}

const NO_ERROR = 'no error';

async function failure(work: PromiseLike<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof Error);
    const own = Object.fromEntries(
      Object.getOwnPropertyNames(error)
        .filter((name) => name !== 'stack')
        .map((name) => [name, Reflect.get(error, name)]),
    );
    // Which function of the server reports it depends on the kind of message.
    const { routine: _routine, line: _line, file: _file, ...rest } = own;
    return { class: error.constructor.name, ...rest };
  }
  return NO_ERROR;
}
