import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { actor, runWithActor } from '../../src/index.ts';
import { type Cut, type CuttingProxy, startCuttingProxy } from './cutting-proxy.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { clearNotes, createNotes, readNotes } from './notes.ts';

/** One attributed connection, opened anew whenever it is lost, that writes into the table of notes. */
export interface FragileHandle {
  /** Ways to write one note, by what they are called. */
  readonly ways: Readonly<Record<string, (body: string) => PromiseLike<unknown>>>;
  /** Runs one statement. */
  run(text: string): PromiseLike<unknown>;
  /** Runs statements in a transaction, each of them built out of what the last one returned. */
  transaction(body: (run: (text: string) => PromiseLike<readonly Row[]>) => Promise<void>): PromiseLike<unknown>;
  end(): PromiseLike<unknown>;
}

type Row = Readonly<Record<string, unknown>>;

/** Opens a handle; with `queryTimeout` the driver gives up on a query after so many milliseconds. */
export type OpenFragile = (url: string, options: { readonly queryTimeout?: number }) => FragileHandle;

// Every byte takes half a minute; a prime stride still meets every message. THREADLINE_TEST_STRIDE=1 cuts at each.
const STRIDE = Number(process.env['THREADLINE_TEST_STRIDE'] ?? 5);

/** An insert without parameters. */
export function insertOf(body: string): string {
  return `insert into notes (body) values ('${body}')`;
}

function as<T>(name: string, fn: () => PromiseLike<T>): Promise<T> {
  return runWithActor(actor.user(name), fn);
}

/** Tries again while a driver hands out a connection that is going down or that still waits for an earlier answer. */
async function untilServed(write: () => PromiseLike<unknown>): Promise<void> {
  for (let tries = 1; ; tries += 1)
    try {
      await write();
      return;
    } catch (error) {
      if (tries === 100 || !/timeout|terminated|ended/i.test(String(error))) throw error;
    }
}

/** Registers the tests of what happens to a driver's statements when connections are lost. */
export function survivesFaults(open: OpenFragile): void {
  let database: TestDatabase;
  let proxy: CuttingProxy;
  let handle: FragileHandle;
  const written = async () => (await readNotes(database.admin)).map((row) => `${row.body} by ${row.actor ?? 'nobody'}`);

  before(async () => {
    database = await createTestDatabase();
    await createNotes(database.admin);
    proxy = await startCuttingProxy(database);
    handle = open(`postgres://${database.user}@127.0.0.1:${proxy.port}/${database.name}`, {});
  });

  beforeEach(async () => {
    proxy.arm(undefined);
    await clearNotes(database.admin);
  });

  after(async () => {
    await handle.end();
    await proxy.close();
  });

  describe('the socket is cut at any byte: an error to the caller or an attributed write, and the pool lives on', () => {
    // What the ways are called is known without a connection.
    for (const way of Object.keys(open('postgres://nowhere', {}).ways))
      for (const direction of ['to server', 'to client'] as const)
        test(`${way}, ${direction}`, async () => {
          const write = async (body: string) => handle.ways[way]?.(body);
          // What the connection takes to open is not to be cut: the first query opens it.
          await handle.run('select 1');
          // As behind every cut: the first settings of a connection are longer than those that are cut.
          await as('user', () => handle.run(insertOf('user')));
          proxy.arm(undefined);
          await as('user', () => write('user'));
          const length = proxy.passed()[direction];
          for (let after = 0; after < length; after += STRIDE) await cutOnce(write, { direction, after });
          const rows = await readNotes(database.admin);
          for (const row of rows) assert.equal(row.actor, row.body);
          assert.ok(rows.length >= length / STRIDE);
        });
  });

  async function cutOnce(write: (body: string) => Promise<unknown>, cut: Cut): Promise<void> {
    await handle.run('select 1');
    proxy.arm(cut);
    await assert.rejects(as('kill', () => write('kill')));
    proxy.arm(undefined);
    await as('next', () => handle.run(insertOf('next')));
  }

  describe('the server ends the connection', () => {
    test('in the middle of a statement: the caller gets the error, nothing is written, the next write is attributed', async () => {
      await assert.rejects(
        as('A', () => handle.run("insert into notes (body) select 'A' where pg_terminate_backend(pg_backend_pid())")),
      );
      await untilServed(() => as('B', () => handle.run(insertOf('B'))));
      assert.deepEqual(await written(), ['B by B']);
    });

    test('while a transaction is idle: its next statement fails, and so does the transaction', async () => {
      await assert.rejects(
        as('A', () =>
          handle.transaction(async (run) => {
            const [row] = await run('select pg_backend_pid() as pid');
            await run(insertOf('A'));
            await database.admin.query('select pg_terminate_backend($1)', [row?.['pid']]);
            await run(insertOf('A'));
          }),
        ),
      );
      await untilServed(() => as('B', () => handle.run(insertOf('B'))));
      assert.deepEqual(await written(), ['B by B']);
    });

    test('at COMMIT: nothing of the transaction is there, and the next write is attributed', async () => {
      await database.admin.query(`
        create table late (x int);
        create function die() returns trigger language plpgsql as
          $$ begin perform pg_terminate_backend(pg_backend_pid()); return null; end $$;
        create constraint trigger die after insert on late deferrable initially deferred
          for each row execute function die()`);
      await assert.rejects(
        as('A', () =>
          handle.transaction(async (run) => {
            await run(insertOf('A'));
            await run('insert into late values (1)');
          }),
        ),
      );
      await untilServed(() => as('B', () => handle.run(insertOf('B'))));
      assert.deepEqual(await written(), ['B by B']);
    });

    test('behind the settings of a statement on its own, at its COMMIT: nothing is there', async () => {
      await assert.rejects(as('A', () => handle.run('insert into late values (1)')));
      await untilServed(() => as('B', () => handle.run(insertOf('B'))));
      await handle.run(insertOf('bare'));
      assert.deepEqual(await written(), ['B by B', 'bare by nobody']);
    });
  });

  test('a client that gives up waiting does not spoil the connection for the next caller', async () => {
    const impatient = open(database.url, { queryTimeout: 50 });
    const blocker = await database.admin.connect();
    await blocker.query('begin; lock table notes');
    for (const write of Object.values(impatient.ways))
      await assert.rejects(
        as('A', async () => write('A')),
        /time/i,
      );
    await blocker.query('rollback');
    blocker.release();
    // The server may still be at the first statements; what comes next waits its turn behind them.
    await untilServed(() => as('B', () => impatient.run(insertOf('B'))));
    await untilServed(() => impatient.run(insertOf('nobody')));
    await impatient.end();
    const rows = await readNotes(database.admin);
    for (const row of rows) assert.equal(row.actor ?? 'nobody', row.body);
    for (const body of ['B', 'nobody']) assert.ok(rows.some((row) => row.body === body));
  });
}
