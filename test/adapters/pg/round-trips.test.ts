import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { wrapPool } from '../../../src/adapters/pg/index.ts';
import { actor, runWithActor } from '../../../src/index.ts';
import { type CountingProxy, startCountingProxy } from '../../support/counting-proxy.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { createNotes, readNotes } from '../../support/notes.ts';

let database: TestDatabase;
let proxy: CountingProxy;

before(async () => {
  database = await createTestDatabase();
  await createNotes(database.admin);
  proxy = await startCountingProxy(database);
});

after(() => proxy.close());

const INSERT = 'insert into notes (body) values ($1)';

const WORK: Readonly<Record<string, (pool: pg.Pool) => Promise<unknown>>> = {
  "pool.query('insert …', [..])": (pool) => pool.query(INSERT, ['x']),
  "pool.query('insert …')": (pool) => pool.query("insert into notes (body) values ('x')"),
  'a named insert, three times': async (pool) => {
    for (let time = 0; time < 3; time += 1) await pool.query({ name: 'add', text: INSERT, values: ['x'] });
  },
  'BEGIN … INSERT … COMMIT': (pool) => steps(pool, ['begin', [INSERT, ['x']], 'commit']),
  'a transaction with reads, writes and a savepoint': (pool) =>
    steps(pool, [
      'begin',
      'select 1',
      [INSERT, ['x']],
      'savepoint s',
      [INSERT, ['y']],
      'release s',
      [INSERT, ['z']],
      'commit',
    ]),
  'BEGIN, INSERT and COMMIT in one text': (pool) => pool.query("begin; insert into notes (body) values ('x'); commit"),
  'a change of actor in a transaction': async (pool) => {
    const client = await pool.connect();
    await client.query('begin');
    for (const name of ['A', 'B', 'A']) await runWithActor(actor.user(name), () => client.query(INSERT, [name]));
    await client.query('commit');
    client.release();
  },
  'a read': (pool) => pool.query('select $1::int', [1]),
};

type Step = string | readonly [string, unknown[]];

async function steps(pool: pg.Pool, list: readonly Step[]): Promise<void> {
  const client = await pool.connect();
  for (const step of list) await (typeof step === 'string' ? client.query(step) : client.query(step[0], step[1]));
  client.release();
}

async function countRoundTrips(pool: pg.Pool, work: (pool: pg.Pool) => Promise<unknown>): Promise<number> {
  await pool.query('select 1');
  const before = proxy.roundTrips();
  await work(pool);
  return proxy.roundTrips() - before;
}

describe('an attributed pool makes as many round trips as a bare one', () => {
  for (const [name, work] of Object.entries(WORK))
    test(name, async () => {
      const config = { host: '127.0.0.1', port: proxy.port, user: database.user, database: database.name, max: 1 };
      const raw = new pg.Pool(config);
      const wrapped = wrapPool(new pg.Pool(config));
      const expected = await countRoundTrips(raw, work);
      const actual = await runWithActor(actor.user('x'), () => countRoundTrips(wrapped, work));
      assert.equal(actual, expected);
      assert.ok(expected > 0);
      await raw.end();
      await wrapped.end();
    });

  test('and as many connections', async () => {
    const config = { host: '127.0.0.1', port: proxy.port, user: database.user, database: database.name, max: 3 };
    const opened = async (pool: pg.Pool) => {
      const before = proxy.connections();
      await Promise.all(Array.from({ length: 20 }, () => pool.query(INSERT, ['x'])));
      await pool.end();
      return proxy.connections() - before;
    };
    const expected = await opened(new pg.Pool(config));
    assert.equal(await runWithActor(actor.user('x'), () => opened(wrapPool(new pg.Pool(config)))), expected);
    assert.ok((await readNotes(database.admin)).length > 20);
  });
});
