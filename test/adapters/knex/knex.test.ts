import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import createKnex, { type Knex } from 'knex';
import pg from 'pg';
import { wrapKnex } from '../../../src/adapters/knex/index.ts';
import { actor, runDetached, runWithActor } from '../../../src/index.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { clearNotes, createNotes, readNotes } from '../../support/notes.ts';

let database: TestDatabase;
let knex: Knex;

before(async () => {
  database = await createTestDatabase();
  await createNotes(database.admin);
  knex = wrapKnex(knexOn(database.url));
  // The one connection is born in a request of its own.
  await asUser('WARM', () => knex.raw('select 1'));
});
beforeEach(() => clearNotes(database.admin));
after(() => knex.destroy());

function knexOn(connection: string, config: Knex.Config = {}): Knex {
  return createKnex({ client: 'pg', connection, pool: { min: 0, max: 1 }, ...config });
}

function asUser<T>(id: string, fn: () => PromiseLike<T>): Promise<T> {
  return runWithActor(actor.user(id), fn);
}

/** Who wrote the notes, by their text. */
async function authors(): Promise<Record<string, string | null>> {
  return Object.fromEntries((await readNotes(database.admin)).map(({ body, actor: id }) => [body, id]));
}

const note = (body: string) => ({ body });

/** Every way to write the note `body` through Knex. */
const SHAPES: Readonly<Record<string, (body: string) => PromiseLike<unknown>>> = {
  'a builder': (body) => knex('notes').insert(note(body)),
  'a builder with returning': (body) => knex('notes').insert(note(body)).returning('body'),
  'a raw statement': (body) => knex.raw('insert into notes (body) values (?)', [body]),
  'a raw statement of the schema builder': (body) => knex.schema.raw(`insert into notes (body) values ('${body}')`),
  'a batch insert': (body) => knex.batchInsert('notes', [note(body)]),
  'a builder with a callback': (body) => new Promise((resolve) => knex('notes').insert(note(body)).asCallback(resolve)),
  'a clone of a builder': (body) => knex('notes').insert(note(body)).clone(),
  'an instance with user parameters': (body) => knex.withUserParams({ tenant: 1 })('notes').insert(note(body)),
  'a transaction in a callback': (body) => knex.transaction((trx) => trx('notes').insert(note(body))),
  'a builder with transacting': (body) => knex.transaction((trx) => knex('notes').insert(note(body)).transacting(trx)),
  'a transaction as a promise': async (body) => {
    const trx = await knex.transaction();
    await trx('notes').insert(note(body));
    await trx.commit();
  },
  'a transaction of a provider': async (body) => {
    const provide = knex.transactionProvider();
    const trx = await provide();
    await trx('notes').insert(note(body));
    await trx.commit();
  },
  'a nested transaction': (body) =>
    knex.transaction((outer) => outer.transaction((inner) => inner('notes').insert(note(body)))),
  'a savepoint': (body) => knex.transaction((outer) => outer.savepoint((inner) => inner('notes').insert(note(body)))),
  'a transaction with an isolation level': (body) =>
    knex.transaction((trx) => trx('notes').insert(note(body)), { isolationLevel: 'serializable' }),
  'a transaction of an instance with user parameters': (body) =>
    knex.withUserParams({ tenant: 1 }).transaction((trx) => trx('notes').insert(note(body))),
  'a stream inside a transaction': (body) =>
    knex.transaction(async (trx) => {
      for await (const _row of trx.raw(`insert into notes (body) values ('${body}') returning body`).stream());
    }),
};

describe('wrapKnex', () => {
  for (const [shape, write] of Object.entries(SHAPES))
    test(`${shape} belongs to the code that executes it, on a connection that others wait for`, async () => {
      await Promise.all(['A', 'B', 'C'].map((id) => asUser(id, () => write(id))));
      assert.deepEqual(await authors(), { A: 'A', B: 'B', C: 'C' });
    });

  test('returns the same instance, and wrapping it again changes nothing', async () => {
    const prototype = Object.getPrototypeOf(knex.client);
    assert.equal(wrapKnex(knex), knex);
    assert.equal(Object.getPrototypeOf(knex.client), prototype);
    assert.equal(knex.client.constructor.name, 'Client_PG');
  });

  test('covers connections that were pooled before, and leaves other instances alone', async () => {
    const early = knexOn(database.url);
    const other = knexOn(database.url);
    await early.raw('select 1');
    wrapKnex(early);
    await asUser('A', () => early('notes').insert(note('early')));
    await asUser('A', () => other('notes').insert(note('other')));
    await Promise.all([early.destroy(), other.destroy()]);
    assert.deepEqual(await authors(), { early: 'A', other: null });
  });

  test('covers connections that the caller brings along', async () => {
    const client = new pg.Client(database.url);
    await client.connect();
    await asUser('A', () => knex('notes').insert(note('builder')).connection(client));
    const other = new pg.Client(database.url);
    await other.connect();
    await asUser('B', () => knex.transaction((trx) => trx('notes').insert(note('trx')), { connection: other }));
    await Promise.all([client.end(), other.end()]);
    assert.deepEqual(await authors(), { builder: 'A', trx: 'B' });
  });

  test('covers a Knex on a pool of pg that the caller made', async () => {
    const pool = new pg.Pool({ connectionString: database.url, max: 1 });
    const onPool = wrapKnex(createKnex({ client: 'pg', connectionPool: pool } as Knex.Config));
    await Promise.all(['A', 'B', 'C'].map((id) => asUser(id, () => onPool('notes').insert(note(id)))));
    await asUser('D', () => onPool.transaction((trx) => trx('notes').insert(note('D'))));
    await onPool.destroy();
    await pool.end();
    assert.deepEqual(await authors(), { A: 'A', B: 'B', C: 'C', D: 'D' });
  });

  test('a builder made in a context and executed in none belongs to the one it was made in, clones too', async () => {
    const { builder, raw } = await asUser('A', async () => ({
      builder: knex('notes').insert(note('builder')),
      raw: knex.raw("insert into notes (body) values ('raw')"),
    }));
    const { clone } = await runDetached(async () => ({ clone: builder.clone().insert(note('clone')) }));
    await builder;
    await raw;
    await clone;
    const { later } = await asUser('B', async () => ({ later: builder.clone().insert(note('later')) }));
    await later;
    const { streamed } = await asUser('C', async () => ({
      streamed: knex.raw("insert into notes (body) values ('streamed') returning body"),
    }));
    for await (const _row of streamed.stream());
    assert.deepEqual(await authors(), { builder: 'A', raw: 'A', clone: 'A', later: 'B', streamed: 'C' });
  });

  test('a clone that is made in a context belongs to it, also where what it was cloned from was made in none', async () => {
    const base = knex('notes');
    const { clone } = await asUser('A', async () => ({ clone: base.clone().insert(note('clone')) }));
    await clone;
    assert.deepEqual(await authors(), { clone: 'A' });
  });

  test('a builder that is given no connection takes one of the pool, as without the adapter', async () => {
    for (const none of [undefined, null])
      await asUser('A', () =>
        knex('notes')
          .insert(note(String(none)))
          .connection(none),
      );
    await asUser('A', () => knex.raw('select 1').connection(undefined));
    assert.deepEqual(await authors(), { undefined: 'A', null: 'A' });
  });

  test('a function of the application that is named as a built-in one may write', async () => {
    await database.admin.query(
      `create function log(entry text) returns void language sql as 'insert into notes (body) values (entry)'`,
    );
    await asUser('A', () => knex.raw('select log(?)', ['logged']));
    assert.deepEqual(await authors(), { logged: 'A' });
  });

  test('what runs when a connection is made belongs to nobody', async () => {
    let label = 'created';
    const own = wrapKnex(
      knexOn(database.url, {
        pool: {
          min: 0,
          max: 1,
          afterCreate: (client: pg.Client, done: (error: unknown) => void) =>
            client.query('insert into notes (body) values ($1)', [label], done),
        },
      }),
    );
    await asUser('A', () => own.raw('select 1'));
    label = 'not again';
    await asUser('B', () => own('notes').insert(note('B')));
    await own.destroy();
    assert.deepEqual(await authors(), { created: null, B: 'B' });
  });

  test('what runs when a connection is replaced belongs to nobody, not to whoever gave the old one back', async () => {
    const own = wrapKnex(
      knexOn(database.url, {
        pool: {
          min: 0,
          max: 1,
          afterCreate: (client: pg.Client, done: (error: unknown) => void) =>
            client.query("insert into notes (body) values ('created')", done),
        },
      }),
    );
    let waiting: PromiseLike<unknown> | undefined;
    await asUser('A', () =>
      own.transaction(async (trx) => {
        const connection = await trx.client.acquireConnection();
        connection.__knex__disposed = 'no longer wanted';
        waiting = asUser('B', () => own('notes').insert(note('B')));
        await trx('notes').insert(note('A'));
      }),
    );
    await waiting;
    await own.destroy();
    const notes = await readNotes(database.admin);
    assert.deepEqual(
      notes.map(({ body, actor: id }) => [body, id]),
      [
        ['created', null],
        ['A', 'A'],
        ['created', null],
        ['B', 'B'],
      ],
    );
  });

  test('an instance with user parameters that was made before wrapping writes attributed on new connections', async () => {
    const own = knexOn(database.url);
    const clone = own.withUserParams({ tenant: 1 });
    wrapKnex(own);
    await asUser('A', () => clone('notes').insert(note('clone')));
    await own.destroy();
    assert.deepEqual(await authors(), { clone: 'A' });
  });

  test('migrations run, with and without transactions, and what they write is attributed', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'threadline-migrations-'));
    const migration = (name: string, body: string, config = '') =>
      writeFile(
        join(directory, name),
        `exports.up = async (knex) => { ${body} }; exports.down = async () => {};${config}`,
      );
    await migration('1_in_transaction.cjs', "await knex('notes').insert({ body: 'in transaction' });");
    await migration(
      '2_without_transaction.cjs',
      "await knex.raw('create index concurrently notes_body on notes (body)'); await knex('notes').insert({ body: 'without' });",
      'exports.config = { transaction: false };',
    );
    const own = wrapKnex(knexOn(database.url, { pool: { min: 0, max: 3 } }));
    await asUser('A', () => own.migrate.latest({ directory, loadExtensions: ['.cjs'] }));
    await asUser('A', () => own.migrate.rollback({ directory, loadExtensions: ['.cjs'] }, true));
    await own.destroy();
    await rm(directory, { recursive: true });
    assert.deepEqual(await authors(), { 'in transaction': 'A', without: 'A' });
  });

  test('a text of several statements with transactions of its own is attributed, also with backslashes in it', async () => {
    await asUser('A', () =>
      knex.raw(
        String.raw`begin; insert into notes (body) values ('C:\one'); commit; insert into notes (body) values ('two')`,
      ),
    );
    assert.deepEqual(await authors(), { [String.raw`C:\one`]: 'A', two: 'A' });
  });

  test('a read-only transaction is served as ever', async () => {
    const rows = await asUser('A', () => knex.transaction((trx) => trx('notes').select(), { readOnly: true }));
    assert.deepEqual(rows, []);
  });

  test('refuses other databases, pg-native and transactions, each with a reason', async () => {
    const refused = { code: 'TL_KNEX_UNSUPPORTED' };
    assert.throws(() => wrapKnex(createKnex({ client: 'sqlite3' })), refused);
    assert.throws(() => wrapKnex(createKnex({ client: 'pgnative' })), refused);
    await knex.transaction(async (trx) => {
      assert.throws(() => wrapKnex(trx), { ...refused, message: /wrap the instance that began it/ });
    });
  });

  test('a connection without a protocol of its own, as pg-native has it, is refused and given back', async () => {
    let given = 0;
    const native = { query: () => assert.fail('nothing is sent') };
    const pool = {
      acquire: () => ({ promise: Promise.resolve(native) }),
      release: () => {
        given += 1;
        return true;
      },
      destroy: async () => {},
      numFree: () => 1,
      numUsed: () => 0,
      numPendingAcquires: () => 0,
    };
    const onNative = wrapKnex(createKnex({ client: 'pg', connectionPool: pool } as Knex.Config));
    await assert.rejects(
      asUser('A', () => onNative.raw('select 1')),
      { code: 'TL_KNEX_UNSUPPORTED' },
    );
    assert.equal(given, 1);
  });
});
