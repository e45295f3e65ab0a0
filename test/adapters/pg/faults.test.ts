import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import pg from 'pg';
import { wrapPool } from '../../../src/adapters/pg/index.ts';
import { actor, runWithActor } from '../../../src/index.ts';
import { type Cut, type CuttingProxy, startCuttingProxy } from '../../support/cutting-proxy.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { clearNotes, createNotes, readNotes } from '../../support/notes.ts';

// Every byte takes half a minute; a prime stride still meets every message. THREADLINE_TEST_STRIDE=1 cuts at each.
const STRIDE = Number(process.env['THREADLINE_TEST_STRIDE'] ?? 5);
const INSERT = 'insert into notes (body) values ($1)';

let database: TestDatabase;
let proxy: CuttingProxy;
let pool: pg.Pool;

before(async () => {
  database = await createTestDatabase();
  await createNotes(database.admin);
  proxy = await startCuttingProxy(database);
  pool = wrapPool(
    new pg.Pool({ host: '127.0.0.1', port: proxy.port, user: database.user, database: database.name, max: 1 }),
  );
  pool.on('error', () => {});
});

beforeEach(async () => {
  proxy.arm(undefined);
  await clearNotes(database.admin);
});

after(async () => {
  await pool.end();
  await proxy.close();
});

const as = <T>(name: string, fn: () => Promise<T>): Promise<T> => runWithActor(actor.user(name), fn);

async function transaction(body: string): Promise<unknown> {
  const client = await pool.connect();
  client.on('error', () => {});
  try {
    await client.query('begin');
    await client.query(INSERT, [body]);
    return await client.query('commit');
  } finally {
    client.release(true);
  }
}

const WORK: Readonly<Record<string, (body: string) => Promise<unknown>>> = {
  'a single insert': (body) => pool.query(INSERT, [body]),
  'a text': (body) => pool.query(`insert into notes (body) values ('${body}')`),
  'a script': (body) => pool.query(`begin; insert into notes (body) values ('${body}'); commit`),
  'a transaction': transaction,
};

describe('the socket is cut at any byte: an error to the caller or an attributed write, and the pool lives on', () => {
  for (const [name, work] of Object.entries(WORK))
    for (const direction of ['to server', 'to client'] as const)
      test(`${name}, ${direction}`, async () => {
        // What the connection takes to open is not to be cut: the first query opens it.
        const length = await countBytes(work, direction);
        for (let after = 0; after < length; after += STRIDE) await cutOnce(work, { direction, after });
        const rows = await readNotes(database.admin);
        for (const row of rows) assert.equal(row.actor, row.body);
        assert.ok(rows.length >= length / STRIDE);
      });
});

async function countBytes(work: (body: string) => Promise<unknown>, direction: Cut['direction']): Promise<number> {
  await pool.query('select 1');
  proxy.arm(undefined);
  await as('user', () => work('user'));
  return proxy.passed()[direction];
}

async function cutOnce(work: (body: string) => Promise<unknown>, cut: Cut): Promise<void> {
  proxy.arm(undefined);
  await pool.query('select 1');
  proxy.arm(cut);
  await assert.rejects(as('kill', () => work('kill')));
  proxy.arm(undefined);
  await as('next', () => pool.query(INSERT, ['next']));
}

describe('the server ends the connection', () => {
  test('in the middle of a statement: the caller gets the error, nothing is written, the next write is attributed', async () => {
    await assert.rejects(
      as('A', () => pool.query("insert into notes (body) select 'A' where pg_terminate_backend(pg_backend_pid())")),
    );
    await as('B', () => pool.query(INSERT, ['B']));
    assert.deepEqual(
      (await readNotes(database.admin)).map((row) => row.actor),
      ['B'],
    );
  });

  test('while a transaction is idle: its next statement fails', async () => {
    const client = await pool.connect();
    client.on('error', () => {});
    await client.query('begin');
    const { rows } = await client.query('select pg_backend_pid() as pid');
    await as('A', () => client.query(INSERT, ['A']));
    await database.admin.query('select pg_terminate_backend($1)', [rows[0].pid]);
    await assert.rejects(as('A', () => client.query(INSERT, ['A'])));
    client.release(true);
    assert.deepEqual(await readNotes(database.admin), []);
  });
});

test('a client that gives up waiting does not spoil the connection for the next caller', async () => {
  const impatient = wrapPool(new pg.Pool({ connectionString: database.url, max: 1, query_timeout: 50 }));
  impatient.on('error', () => {});
  const blocker = await database.admin.connect();
  await blocker.query('begin');
  await blocker.query('lock table notes');
  await assert.rejects(
    as('A', () => impatient.query({ name: 'add', text: INSERT, values: ['A'] })),
    /timeout/,
  );
  await blocker.query('rollback');
  blocker.release();
  const write = async () => as('B', () => impatient.query({ name: 'add', text: INSERT, values: ['B'] }));
  // The server may still be at the first statement; the second waits its turn behind it.
  await write().catch(write);
  for (const row of await readNotes(database.admin)) assert.equal(row.actor, row.body);
  assert.ok((await readNotes(database.admin)).some((row) => row.body === 'B'));
  await impatient.end();
});
