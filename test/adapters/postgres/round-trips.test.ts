import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import postgres, { type Sql } from 'postgres';
import { wrapPostgres } from '../../../src/adapters/postgres/index.ts';
import { type CountingProxy, startCountingProxy } from '../../support/counting-proxy.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { createNotes, readNotes } from '../../support/notes.ts';
import { as, INSERTS_ON_POOL, quiet } from './shapes.ts';

let database: TestDatabase;
let proxy: CountingProxy;

before(async () => {
  database = await createTestDatabase();
  await createNotes(database.admin);
  // With the delay nothing is answered before all that goes out together has been seen.
  proxy = await startCountingProxy(database, 2);
});
after(() => proxy.close());

const WORK: Readonly<Record<string, (sql: Sql) => PromiseLike<unknown>>> = {
  ...Object.fromEntries(INSERTS_ON_POOL.map(([name, insert]) => [name, (sql: Sql) => insert(sql, 'x')])),
  'a transaction with reads, writes and a savepoint': (sql) =>
    sql.begin(async (tx) => {
      await tx`select 1`;
      await tx`insert into notes (body) values (${'x'})`;
      await tx.savepoint(async (sp) => {
        await sp`insert into notes (body) values (${'y'})`;
        await sp.unsafe("insert into notes (body) values ('z')");
      });
      await tx`insert into notes (body) values (${'x'})`;
    }),
  'a transaction of an array': (sql) =>
    sql.begin((tx) => [tx`select 1`, tx`insert into notes (body) values ('x')`, tx`select 2`]),
  'twenty DO blocks at once in a transaction': (sql) =>
    sql.begin((tx) => Array.from({ length: 20 }, () => tx`do 'begin end'`)),
  'a change of actor in a transaction': (sql) =>
    sql.begin(async (tx) => {
      for (const name of ['A', 'B', 'A']) await as(name, () => tx`insert into notes (body) values (${name})`);
    }),
  'a text of its own transaction': (sql) =>
    sql.unsafe("start transaction; insert into notes (body) values ('x'); commit"),
  'a read': (sql) => sql`select ${1}::int`,
  'fifty writes at once': (sql) =>
    Promise.all(Array.from({ length: 50 }, () => sql`insert into notes (body) values (${'x'})`)),
};

describe('an attributed pool makes as many round trips as a bare one', () => {
  for (const [name, work] of Object.entries(WORK))
    for (const prepare of [true, false])
      test(`${name}, ${prepare ? 'prepared' : 'unprepared'}`, async () => {
        const { user, name: dbname } = database;
        const options = quiet({ host: '127.0.0.1', port: proxy.port, user, database: dbname, max: 1, prepare });
        const expected = await countRoundTrips(postgres(options), work);
        const actual = await as('x', () => countRoundTrips(wrapPostgres(postgres(options)), work));
        assert.deepEqual(actual, expected);
        assert.ok(expected.every((count) => count > 0));
      });

  test('and as many connections', async () => {
    const { user, name } = database;
    const options = quiet({ host: '127.0.0.1', port: proxy.port, user, database: name, max: 3 });
    const opened = async (sql: Sql) => {
      const before = proxy.connections();
      await Promise.all(Array.from({ length: 20 }, () => sql`insert into notes (body) values ('x')`));
      await sql.end();
      return proxy.connections() - before;
    };
    const expected = await opened(postgres(options));
    assert.equal(await as('x', () => opened(wrapPostgres(postgres(options)))), expected);
    assert.ok((await readNotes(database.admin)).length > 20);
  });
});

/** The first time, which may describe a statement, and the third, for which everything is known. */
async function countRoundTrips(sql: Sql, work: (sql: Sql) => PromiseLike<unknown>): Promise<readonly number[]> {
  await sql`select 1 as one`;
  const counts: number[] = [];
  for (let time = 0; time < 3; time += 1) {
    const before = proxy.roundTrips();
    await work(sql);
    counts.push(proxy.roundTrips() - before);
  }
  await sql.end();
  return counts;
}
