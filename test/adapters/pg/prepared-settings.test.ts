import assert from 'node:assert/strict';
import { before, beforeEach, test } from 'node:test';
import pg from 'pg';
import { wrapPool } from '../../../src/adapters/pg/index.ts';
import { actor, runWithActor } from '../../../src/index.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { clearNotes, createNotes, readNotes } from '../../support/notes.ts';
import { startPgBouncer, withoutPgBouncer } from '../../support/pgbouncer.ts';

const INSERT = 'insert into notes (body) values ($1)';

let database: TestDatabase;

before(async () => {
  database = await createTestDatabase();
  await createNotes(database.admin);
});

beforeEach(() => clearNotes(database.admin));

/** What `work` does on one connection, as A. */
async function onOneConnection(
  work: (client: pg.PoolClient) => Promise<unknown>,
  config: pg.PoolConfig = { connectionString: database.url },
): Promise<void> {
  const pool = wrapPool(new pg.Pool(config));
  const client = await pool.connect();
  try {
    await runWithActor(actor.user('A'), () => work(client));
  } finally {
    client.release();
    await pool.end();
  }
}

/** The prepared statements of the connection. */
async function preparedStatements(client: pg.PoolClient): Promise<readonly string[]> {
  const { rows } = await client.query('select name from pg_prepared_statements order by name');
  return rows.map(({ name }) => name);
}

async function expectWrites(count: number): Promise<void> {
  const actors = (await readNotes(database.admin)).map(({ actor: id }) => id);
  assert.deepEqual(actors, new Array(count).fill('A'));
}

test('straight to the server, the settings have one prepared statement on each connection', async () => {
  await onOneConnection(async (client) => {
    for (let time = 0; time < 5; time += 1) await client.query(INSERT, ['one']);
    await client.query('begin');
    await client.query(INSERT, ['two']);
    await client.query('commit');
    await client.query({ name: 'mine', text: INSERT, values: ['three'] });
    const [mine, own, ...others] = await preparedStatements(client);
    assert.equal(mine, 'mine');
    assert.match(String(own), /^threadline_/);
    assert.deepEqual(others, []);
  });
  await expectWrites(7);
});

test('behind PgBouncer the settings have none', { skip: withoutPgBouncer }, async () => {
  const bouncer = await startPgBouncer({ server: database, settings: { default_pool_size: 1 } });
  try {
    await onOneConnection(
      async (client) => {
        for (let time = 0; time < 5; time += 1) await client.query(INSERT, ['one']);
        assert.deepEqual(await preparedStatements(client), []);
      },
      { connectionString: bouncer.url(database.name) },
    );
  } finally {
    await bouncer.stop();
  }
  await expectWrites(5);
});

for (const forget of [
  'discard all',
  'deallocate all',
  "select 1; Deallocate All; insert into notes (body) values ('within')",
  "do $$ begin execute 'deallocate all'; end $$",
])
  test(`the statement is prepared anew after ${forget}`, async () => {
    await onOneConnection(async (client) => {
      for (let time = 0; time < 3; time += 1) await client.query(INSERT, ['before']);
      await client.query(forget);
      for (let time = 0; time < 3; time += 1) await client.query(INSERT, ['after']);
      assert.equal((await preparedStatements(client)).length, 1);
    });
    await expectWrites(forget.includes('within') ? 7 : 6);
  });

test('one connection has one, however often the application deallocates its own', async () => {
  await onOneConnection(async (client) => {
    for (const text of ['deallocate mine', 'deallocate prepare mine', 'discard temp', 'discard plans']) {
      if (text.startsWith('deallocate')) await client.query('prepare mine as select 1');
      for (let time = 0; time < 2; time += 1) await client.query(INSERT, ['one']);
      await client.query(text);
    }
    await client.query(INSERT, ['last']);
    assert.equal((await preparedStatements(client)).length, 1);
  });
  await expectWrites(9);
});

test('where statements are taken away unseen, one write fails, and the connection gets along without', async () => {
  await database.admin.query(`create or replace function take_away() returns void language plpgsql as
    $$ begin execute 'deallocate all'; end $$`);
  await onOneConnection(async (client) => {
    for (let time = 0; time < 3; time += 1) await client.query(INSERT, ['before']);
    await client.query('select take_away()');
    await assert.rejects(client.query(INSERT, ['lost']), { code: '26000' });
    for (let time = 0; time < 3; time += 1) await client.query(INSERT, ['after']);
    assert.deepEqual(await preparedStatements(client), []);
  });
  await expectWrites(6);
});

test('in a pipeline only one query of those under way prepares it', async () => {
  await onOneConnection(
    async (client) => {
      await client.query(INSERT, ['first']);
      await Promise.all(Array.from({ length: 20 }, () => client.query(INSERT, ['at once'])));
      assert.equal((await preparedStatements(client)).length, 1);
    },
    { connectionString: database.url, pipeline: true } as pg.PoolConfig,
  );
  await expectWrites(21);
});

test('an error of the statement behind them leaves the settings prepared', async () => {
  await onOneConnection(async (client) => {
    for (let time = 0; time < 3; time += 1) {
      await client.query(INSERT, ['one']);
      await assert.rejects(client.query('insert into notes (id) values ($1)', [1]), { code: '428C9' });
    }
    assert.equal((await preparedStatements(client)).length, 1);
  });
  await expectWrites(3);
});
