import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import postgres, { type Sql } from 'postgres';
import { wrapPostgres } from '../../../src/adapters/postgres/index.ts';
import { type Cut, type CuttingProxy, startCuttingProxy } from '../../support/cutting-proxy.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { clearNotes, createNotes, readNotes } from '../../support/notes.ts';
import { as, INSERTS, quiet, reconnect, revive } from './shapes.ts';

// Every byte takes half a minute; a prime stride still meets every message. THREADLINE_TEST_STRIDE=1 cuts at each.
const STRIDE = Number(process.env['THREADLINE_TEST_STRIDE'] ?? 7);

let database: TestDatabase;
let proxy: CuttingProxy;
let sql: Sql;

before(async () => {
  database = await createTestDatabase();
  await createNotes(database.admin);
  proxy = await startCuttingProxy(database);
  const { user, name } = database;
  const target = { host: '127.0.0.1', port: proxy.port, user, database: name };
  sql = wrapPostgres(postgres(quiet({ ...target, max: 1, fetch_types: false, backoff: () => 0 })));
});

beforeEach(async () => {
  proxy.arm(undefined);
  await clearNotes(database.admin);
});

after(async () => {
  await sql.end({ timeout: 1 });
  await proxy.close();
});

const WORK: Readonly<Record<string, (body: string) => PromiseLike<unknown>>> = {
  'a first-time insert': (body) => sql`insert into notes (body) values (${body})`,
  'a known insert': (body) => sql`insert into notes (body) values (${body})`,
  'a text': (body) => sql.unsafe(`insert into notes (body) values ('${body}')`),
  'a script': (body) => sql.unsafe(`start transaction; insert into notes (body) values ('${body}'); commit`),
  'a transaction': (body) => sql.begin((tx) => [tx`insert into notes (body) values (${body})`]),
  'a cursor': (body) => sql`insert into notes (body) values (${body}) returning id`.cursor(1, () => {}),
};

describe('the socket is cut at any byte: an error to the caller or an attributed write, and the pool lives on', () => {
  for (const [name, work] of Object.entries(WORK))
    for (const direction of ['to server', 'to client'] as const)
      test(`${name}, ${direction}`, async () => {
        const warm = name === 'a known insert' ? () => as('warm', () => work('warm')) : () => sql`select 1`;
        const length = await countBytes(work, { warm, direction });
        for (let after = 0; after < length; after += STRIDE) await cutOnce(work, { warm, cut: { direction, after } });
        const rows = await readNotes(database.admin);
        for (const row of rows) assert.equal(row.actor, row.body);
        assert.ok(rows.length >= length / STRIDE);
      });
});

/** How many bytes a piece of work takes on a connection that is opened and warmed for it. */
async function countBytes(
  work: (body: string) => PromiseLike<unknown>,
  { warm, direction }: { warm: () => PromiseLike<unknown>; direction: Cut['direction'] },
): Promise<number> {
  await reconnect(sql);
  await warm();
  proxy.arm(undefined);
  await as('user', () => work('user'));
  return proxy.passed()[direction];
}

async function cutOnce(
  work: (body: string) => PromiseLike<unknown>,
  { warm, cut }: { warm: () => PromiseLike<unknown>; cut: Cut },
): Promise<void> {
  proxy.arm(undefined);
  await warm();
  proxy.arm(cut);
  const [{ status }] = await Promise.allSettled([as('kill', () => work('kill'))]);
  // The names of prepared statements differ in length: the last bytes may not be there to be cut.
  if (status === 'fulfilled') assert.ok(proxy.passed()[cut.direction] <= cut.after);
  proxy.arm(undefined);
  await revive(sql);
  await as('next', () => sql.unsafe("insert into notes (body) values ('next')"));
  await reconnect(sql);
}

describe('the server ends the connection', () => {
  const bodies = ['A', 'B', 'C', 'D'];

  // Not `file`: it reads its text first, so that its statements meet a connection that is going away, where
  // postgres.js itself now and then never settles a statement.
  for (const shape of Object.keys(INSERTS).filter((name) => !/COPY|catch|transaction|^file$/.test(name)))
    test(`in front of, in and behind ${shape}: an error or an attributed write`, async () => {
      const insert = INSERTS[shape] as (typeof INSERTS)[string];
      const results = await Promise.allSettled([
        as('A', () => insert(sql, 'A')),
        as('B', () => insert(sql, 'B')),
        sql`select pg_terminate_backend(pg_backend_pid())`,
        as('C', () => insert(sql, 'C')),
        as('D', () => insert(sql, 'D')),
      ]);
      assert.equal(results[2]?.status, 'rejected');
      await revive(sql);
      await as('next', () => insert(sql, 'next'));
      const rows = await readNotes(database.admin);
      for (const { body, actor } of rows) assert.equal(actor, body);
      assert.ok(bodies.every((body) => rows.filter((row) => row.body === body).length <= 1));
      assert.ok(rows.some(({ body }) => body === 'next'));
    });

  test('while a transaction is idle: its next statement fails, and so does the transaction', async () => {
    await assert.rejects(
      as('A', () =>
        sql.begin(async (tx) => {
          const [row] = await tx`select pg_backend_pid() as pid`;
          await tx`insert into notes (body) values ('A')`;
          await database.admin.query('select pg_terminate_backend($1)', [row?.['pid']]);
          await tx`insert into notes (body) values ('A')`;
        }),
      ),
    );
    assert.deepEqual(await readNotes(database.admin), []);
    await revive(sql);
  });

  test('at COMMIT: all of the transaction is there, attributed, or nothing', async () => {
    await database.admin.query(`
      create table late (x int);
      create function die() returns trigger language plpgsql as $$ begin perform pg_terminate_backend(pg_backend_pid()); return null; end $$;
      create constraint trigger die after insert on late deferrable initially deferred for each row execute function die()`);
    await assert.rejects(
      as('A', () => sql.begin((tx) => [tx`insert into notes (body) values ('A')`, tx`insert into late values (1)`])),
    );
    assert.deepEqual(await readNotes(database.admin), []);
    await revive(sql);
    await as('B', () => sql`insert into notes (body) values ('B')`);
    assert.deepEqual(
      (await readNotes(database.admin)).map(({ actor }) => actor),
      ['B'],
    );
  });
});

test('a statement that is stopped by its time-out leaves the connection in order for the next caller', async () => {
  const impatient = wrapPostgres(
    postgres(database.url, quiet({ max: 1, connection: { statement_timeout: 50 }, fetch_types: false })),
  );
  const blocker = await database.admin.connect();
  await blocker.query('begin');
  await blocker.query('lock table notes');
  await assert.rejects(
    as('A', () => impatient`insert into notes (body) values (${'A'})`),
    { code: '57014' },
  );
  await blocker.query('rollback');
  blocker.release();
  await as('B', () => impatient`insert into notes (body) values (${'B'})`);
  await impatient`insert into notes (body) values (${'nobody'})`;
  await impatient.end();
  assert.deepEqual(
    (await readNotes(database.admin)).map(({ body, actor }) => [body, actor]),
    [
      ['B', 'B'],
      ['nobody', null],
    ],
  );
});
