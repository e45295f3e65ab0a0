import assert from 'node:assert/strict';
import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import { afterEach, before, beforeEach, describe, test } from 'node:test';
import pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import Cursor from 'pg-cursor';
import QueryStream from 'pg-query-stream';
import { wrapClient, wrapPool } from '../../../src/adapters/pg/index.ts';
import { actor, currentActor, runDetached, runWithActor } from '../../../src/index.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { clearNotes, createNotes, readNotes } from '../../support/notes.ts';

const INSERT = 'insert into notes (body) values ($1)';

let database: TestDatabase;
let pool: pg.Pool;

before(async () => {
  database = await createTestDatabase();
  await createNotes(database.admin);
});

beforeEach(async () => {
  await clearNotes(database.admin);
  // One connection, born in a request of its own: whatever reads the context later than the call finds WARM.
  pool = wrapPool(new pg.Pool({ connectionString: database.url, max: 1 }));
  pool.on('error', () => {});
  await runWithActor(actor.user('WARM'), () => pool.query('select 1'));
});

/** Every way to write the row `name` through the pool. */
const SHAPES: Readonly<Record<string, (name: string) => Promise<unknown>>> = {
  'pool.query with a text': (name) => pool.query(`insert into notes (body) values ('${name}')`),
  'pool.query with values': (name) => pool.query(INSERT, [name]),
  'pool.query with a config': (name) => pool.query({ text: INSERT, values: [name] }),
  'pool.query with a named statement': (name) => pool.query({ name: 'add', text: INSERT, values: [name] }),
  'pool.query with rowMode array': (name) => pool.query({ text: INSERT, values: [name], rowMode: 'array' }),
  'pool.query with a callback': (name) => promised((done) => pool.query(INSERT, [name], done)),
  'pool.query with a text and a callback': (name) =>
    promised((done) => pool.query(`insert into notes (body) values ('${name}')`, done)),
  'a query inside the callback of another': (name) =>
    promised((done) => pool.query('select 1', () => pool.query(INSERT, [name], done))),
  'pool.connect and client.query': async (name) => {
    const client = await pool.connect();
    try {
      await client.query(INSERT, [name]);
    } finally {
      client.release();
    }
  },
  'a query that waits behind another on its client': async (name) => {
    const client = await pool.connect();
    await Promise.all([client.query('select 1'), client.query(INSERT, [name])]);
    client.release();
  },
  'pool.connect with a callback': (name) =>
    promised((done) =>
      pool.connect((error, client, release) => {
        if (error || !client) return done(error);
        client.query(INSERT, [name], (failure) => {
          release();
          done(failure);
        });
      }),
    ),
  'a query after the release of another, in a callback': (name) =>
    promised((done) =>
      pool.connect((_error, client, release) => {
        client?.query('select 1', () => {
          release();
          void pool.query(INSERT, [name], done);
        });
      }),
    ),
  'a transaction': (name) => inTransaction((client) => client.query(INSERT, [name])),
  'a transaction in one text': (name) => pool.query(`begin; insert into notes (body) values ('${name}'); commit`),
  'a text with several statements': (name) =>
    pool.query(`select 1; insert into notes (body) values ('${name}'); select 2`),
  'a commented statement': (name) => pool.query(`/* insert */ -- x\n insert into notes (body) values ('${name}')`),
  'a writing CTE': (name) =>
    pool.query('with w as (insert into notes (body) values ($1) returning id) select * from w', [name]),
  'a Query object': async (name) => {
    const client = await pool.connect();
    const query = client.query(new pg.Query(INSERT, [name]));
    await once(query, 'end');
    client.release();
  },
  'a Query object whose end event writes': async (name) => {
    const client = await pool.connect();
    const query = client.query(new pg.Query('select 1'));
    await promised((done) => query.on('end', () => client.query(INSERT, [name], done)));
    client.release();
  },
  'a row event that writes': async (name) => {
    const client = await pool.connect();
    const query = client.query(new pg.Query('select 1 as one'));
    await promised((done) => query.on('row', () => client.query(INSERT, [name], done)));
    client.release();
  },
  'a cursor over INSERT … RETURNING': async (name) => {
    const client = await pool.connect();
    const cursor = client.query(new Cursor('insert into notes (body) values ($1) returning id', [name]));
    assert.equal((await cursor.read(10)).length, 1);
    await cursor.close();
    client.release();
  },
  'a cursor whose read callback writes': async (name) => {
    const client = await pool.connect();
    const cursor = client.query(new Cursor('select 1 as one'));
    await promised((done) => cursor.read(1, () => cursor.close(() => client.query(INSERT, [name], done))));
    client.release();
  },
  'a stream over INSERT … RETURNING': async (name) => {
    const client = await pool.connect();
    for await (const row of client.query(new QueryStream('insert into notes (body) values ($1) returning id', [name])))
      assert.ok(row.id);
    client.release();
  },
  'a data event that writes': async (name) => {
    const client = await pool.connect();
    const stream = client.query(new QueryStream('select 1 as one'));
    const written: Promise<unknown>[] = [];
    stream.on('data', () => written.push(client.query(INSERT, [name])));
    await once(stream, 'end');
    await Promise.all(written);
    client.release();
  },
  'COPY FROM STDIN': async (name) => {
    const client = await pool.connect();
    const stream = client.query(copyFrom('copy notes (body) from stdin'));
    await pipeline([Buffer.from(`${name}\n`)], stream);
    client.release();
  },
  'COPY FROM STDIN in a transaction': (name) =>
    inTransaction((client) =>
      pipeline([Buffer.from(`${name}\n`)], client.query(copyFrom('copy notes (body) from stdin'))),
    ),
  'COPY (INSERT … RETURNING) TO STDOUT': async (name) => {
    const client = await pool.connect();
    const stream = client.query(copyTo(`copy (insert into notes (body) values ('${name}') returning id) to stdout`));
    stream.resume();
    await once(stream, 'end');
    // The stream ends before the server is ready again; the next query waits for that.
    await client.query('select 1');
    client.release();
  },
  'events of COPY TO STDOUT that write': async (name) => {
    const client = await pool.connect();
    const stream = client.query(copyTo('copy (values (1)) to stdout'));
    const written: Promise<unknown>[] = [];
    stream.once('data', () => written.push(client.query(INSERT, [name])));
    await once(stream, 'end');
    await Promise.all(written);
    client.release();
  },
  'a procedure': async (name) => {
    await pool.query(
      `create or replace procedure add_note(body text) language sql as 'insert into notes (body) values (body)'`,
    );
    await pool.query('call add_note($1)', [name]);
  },
  'a DO block': (name) => pool.query(`do $$ begin insert into notes (body) values ('${name}'); end $$`),
  'EXPLAIN ANALYZE INSERT': (name) => pool.query(`explain analyze insert into notes (body) values ('${name}')`),
  'EXECUTE of a prepared statement': async (name) => {
    const client = await pool.connect();
    await client.query('prepare add_it as insert into notes (body) values ($1)');
    await client.query(`execute add_it('${name}')`);
    await client.query('deallocate add_it');
    client.release();
  },
  'a function called by SELECT': async (name) => {
    await pool.query(
      `create or replace function note(body text) returns int language sql as 'insert into notes (body) values (body) returning 1'`,
    );
    await pool.query('select note($1)', [name]);
  },
};

describe('with one connection and ten contexts at once, every row has its own actor', () => {
  for (const [shape, write] of Object.entries(SHAPES))
    test(shape, async () => {
      const names = 'ABCDEFGHIJ'.split('');
      // Functions and procedures are made once: ten at once would collide in the catalog.
      if (/procedure|function/.test(shape)) await runWithActor(actor.user('FIRST'), () => write('FIRST'));
      await clearNotes(database.admin);
      await Promise.all(names.map((name) => runWithActor(actor.user(name), () => write(name))));
      const rows = await readNotes(database.admin);
      assert.deepEqual(rows.map((row) => row.body).sort(), names);
      for (const row of rows) assert.equal(row.actor, row.body);
      assert.equal(new Set(rows.map((row) => row.correlation)).size, names.length);
    });
});

describe('the absence of a context is a value', () => {
  test('a write without context after one with context on the same connection has no actor', async () => {
    await runWithActor(actor.user('A'), () => pool.query(INSERT, ['A']));
    await pool.query(INSERT, ['nobody']);
    assert.deepEqual(
      (await readNotes(database.admin)).map((row) => row.actor),
      ['A', null],
    );
  });

  test('a detached write in the middle of an attributed transaction has no actor', async () => {
    await runWithActor(actor.user('A'), () =>
      inTransaction(async (client) => {
        await client.query(INSERT, ['A']);
        await runDetached(() => client.query(INSERT, ['nobody']));
        await client.query(INSERT, ['A']);
      }),
    );
    const rows = await readNotes(database.admin);
    assert.deepEqual(
      rows.map((row) => row.actor),
      ['A', null, 'A'],
    );
  });

  test('settings that a transaction wrote by hand stay where no context is in play', async () => {
    await inTransaction(async (client) => {
      await client.query(`select set_config('threadline.actor_ref', '{"type":"user","id":"by hand"}', true)`);
      await client.query(INSERT, ['x']);
    });
    assert.equal((await readNotes(database.admin))[0]?.actor, 'by hand');
  });
});

test('events of a shared connection belong to no context, not to that of its birth', async () => {
  const seen: unknown[] = [];
  const { currentActor } = await import('../../../src/index.ts');
  const client = await pool.connect();
  client.on('notice', () => seen.push(currentActor()));
  await runWithActor(actor.user('A'), () => client.query(`do $$ begin raise notice 'hello'; end $$`));
  assert.deepEqual(seen, [undefined]);
  client.release();
});

test('a client used after its release attributes its writes to their own actor', async () => {
  const stray = await pool.connect();
  stray.release();
  const client = await runWithActor(actor.user('B'), () => pool.connect());
  assert.equal(client, stray);
  await runWithActor(actor.user('B'), () => client.query('begin'));
  await runWithActor(actor.user('B'), () => client.query(INSERT, ['B']));
  await runWithActor(actor.user('A'), () => stray.query(INSERT, ['A']));
  await runWithActor(actor.user('B'), () => client.query(INSERT, ['B']));
  await client.query('commit');
  for (const row of await readNotes(database.admin)) assert.equal(row.actor, row.body);
  client.release();
});

afterEach(() => pool.end());

async function inTransaction(fn: (client: pg.PoolClient) => Promise<unknown>): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    await fn(client);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  } finally {
    client.release();
  }
}

function promised(run: (done: (error?: Error | null) => void) => unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    run((error) => (error ? reject(error) : resolve()));
  });
}

test('a query object that is issued again calls back in the context that issued it last, however often', async () => {
  const client = await pool.connect();
  const query = new pg.Query('select 1 as x where false');
  const seen: unknown[] = [];
  query.on('end', () => seen.push(currentActor()));
  for (const id of ['A', 'B', ...Array.from({ length: 2000 }, () => 'C')]) {
    const ended = once(query, 'end');
    runWithActor(actor.user(id), () => client.query(query));
    await ended;
  }
  client.release();
  assert.deepEqual(seen.slice(0, 3), ['A', 'B', 'C'].map(actor.user));
});

test('what a pool of the application lends in front of a client works, and is attributed', async () => {
  class Lending extends pg.Pool {
    // biome-ignore lint/suspicious/noExplicitAny: pg's overloads
    override async connect(...args: any[]): Promise<any> {
      if (args[0]) return Reflect.apply(super.connect, this, args);
      const client = await super.connect();
      return { query: (text: string) => client.query(text), release: () => client.release() };
    }
  }
  const lending = wrapPool(new Lending({ connectionString: database.url, max: 1 }));
  const lent = await lending.connect();
  try {
    await runWithActor(actor.user('A'), () => lent.query("insert into notes (body) values ('A')"));
  } finally {
    lent.release();
    await lending.end();
  }
  const [note] = await readNotes(database.admin);
  assert.equal(note?.actor, 'A');
});

test('a query object that is issued again is attributed again', async () => {
  const client = await pool.connect();
  const query = new pg.Query("insert into notes (body) values ('again')");
  for (const id of ['A', 'B']) {
    const ended = once(query, 'end');
    runWithActor(actor.user(id), () => client.query(query));
    await ended;
  }
  client.release();
  assert.deepEqual(
    (await readNotes(database.admin)).map((note) => note.actor),
    ['A', 'B'],
  );
});

test('a Proxy that puts a method of its own in front of a client is wrapped', async () => {
  const client = new pg.Client({ connectionString: database.url });
  const texts: unknown[] = [];
  const logging = wrapClient(
    new Proxy(client, {
      get(target, name, receiver) {
        const shown: unknown = Reflect.get(target, name, receiver);
        if (name !== 'query') return shown;
        return (...args: unknown[]) => {
          texts.push(args[0]);
          return Reflect.apply(target.query, target, args);
        };
      },
    }),
  );
  await logging.connect();
  try {
    await runWithActor(actor.user('A'), () => logging.query("insert into notes (body) values ('proxy')"));
  } finally {
    await client.end();
  }
  assert.deepEqual(
    (await readNotes(database.admin)).map((note) => note.actor),
    ['A'],
  );
  assert.equal(texts.length, 1);
});

test('what was queued before a client is wrapped goes out as it is, in the context of no one', async () => {
  const client = new pg.Client({ connectionString: database.url });
  await runWithActor(actor.user('BIRTH'), () => client.connect());
  const queued = ['one', 'two', 'three'].map((body) => client.query(INSERT, [body]));
  wrapClient(client);
  await Promise.all(queued);
  await client.end();
  assert.deepEqual(
    (await readNotes(database.admin)).map((note) => note.actor),
    [null, null, null],
  );
});

test('a callback within a configuration runs in the context of its issuer, whatever the configuration is', async () => {
  const client = await pool.connect();
  const called: (string | undefined)[] = [];
  class Configured {
    readonly text = 'select 1';
    readonly #done: () => void;
    constructor(done: () => void) {
      this.#done = done;
    }
    callback = () => this.#done();
  }
  const ask = (id: string, configured: (done: () => void) => object) =>
    runWithActor(
      actor.user(id),
      () =>
        new Promise<void>((resolve) => {
          const note = () => {
            const who = currentActor();
            called.push(who !== undefined && 'id' in who ? who.id : undefined);
            resolve();
          };
          client.query(configured(note) as pg.QueryConfig);
        }),
    );
  await Promise.all([
    ask('A', (callback) => ({ text: INSERT, values: ['a'], callback })),
    ask('B', (callback) => ({ text: 'select 1', callback })),
    ask('C', (done) => new Configured(done)),
  ]);
  client.release();
  assert.deepEqual(called, ['A', 'B', 'C']);
});

test('what only looks like a client of pg is refused under a context, and served without', async () => {
  const lookalike = wrapClient({ connection: {}, connect: () => {}, query: async (text: string) => text });
  assert.equal(await lookalike.query('select 1'), 'select 1');
  assert.throws(() => runWithActor(actor.user('A'), () => lookalike.query('select 1')), {
    code: 'TL_PG_NATIVE_UNSUPPORTED',
  });
});

/** A client that sends one query after the other, each out of the code that began. */
class SerialClient extends pg.Client {
  isSerial = false;
  isNewestFirst = false;
  readonly #kept: (() => Promise<void>)[] = [];
  #isSending = false;

  override query(...args: unknown[]): never {
    const send = () => Reflect.apply(super.query, this, args);
    if (!this.isSerial) return send() as never;
    return new Promise((resolve, reject) => {
      this.#kept.push(() => send().then(resolve, reject));
      void this.#send();
    }) as never;
  }

  async #send(): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    const take = () => (this.isNewestFirst ? this.#kept.pop() : this.#kept.shift());
    for (let next = take(); next; next = take()) await next();
    this.#isSending = false;
  }
}

test('a client that keeps its queries, and sends them out of the code of whoever came first, attributes each to its issuer', async () => {
  const client = wrapClient(new SerialClient({ connectionString: database.url }));
  await client.connect();
  client.isSerial = true;
  const calls: [id: string, ...args: unknown[]][] = [
    ['A', "insert into notes (body) values ('1')"],
    ['B', "insert into notes (body) values ('2')"],
    ['C', 'select 1'],
    ['C', INSERT, ['3']],
    ['A', INSERT, ['4']],
    ['D', { text: INSERT, values: ['5'] }],
    ['B', INSERT, ['6']],
  ];
  await Promise.all(
    calls.map(([id, ...args]) => runWithActor(actor.user(id), () => Reflect.apply(client.query, client, args))),
  );
  client.isSerial = false;
  await client.end();
  assert.deepEqual(
    (await readNotes(database.admin)).map((note) => note.actor),
    ['A', 'B', 'C', 'A', 'D', 'B'],
  );
});

/** Whose the row is that each of these calls wrote, on a client that sends them as `options` say. */
async function writersOf(
  options: Partial<SerialClient>,
  calls: readonly (readonly [id: string, ...args: unknown[]])[],
): Promise<unknown[]> {
  const client = wrapClient(new SerialClient({ connectionString: database.url }));
  await client.connect();
  const issue = ([id, ...args]: readonly [id: string, ...args: unknown[]]) =>
    runWithActor(actor.user(id), () => Reflect.apply(client.query, client, args));
  await issue(['D', SAME]);
  Object.assign(client, { isSerial: true }, options);
  const results = (await Promise.all(calls.map(issue))) as pg.QueryResult<{ id: string }>[];
  client.isSerial = false;
  await client.end();
  const { rows } = await database.admin.query('select id, actor from notes');
  return results.map((result) => rows.find(({ id }) => id === result.rows[0]?.id)?.actor);
}

const SAME = "insert into notes (body) values ('same') returning id";

test('queries of one text that a client keeps belong to their issuers, one after the other', async () => {
  const calls = ['C', 'A', 'B', 'A'].map((id) => [id, SAME] as const);
  assert.deepEqual(await writersOf({}, calls), ['C', 'A', 'B', 'A']);
});

test('queries that a client keeps and sends in another order are known again by their values', async () => {
  const text = `${INSERT} returning id`;
  const calls = [
    ['C', SAME],
    ['A', text, ['1']],
    ['C', text, ['2']],
    ['B', { text, values: ['3'] }],
    ['D', text, ['4']],
  ] as const;
  assert.deepEqual(await writersOf({ isNewestFirst: true }, calls), ['C', 'A', 'C', 'B', 'D']);
});

/** A client that keeps its queries until another one of the class is asked. */
class LateClient extends pg.Client {
  static readonly kept: (() => unknown)[] = [];
  isLate = false;

  override query(...args: unknown[]): never {
    const send = () => Reflect.apply(super.query, this, args);
    if (this.isLate)
      return new Promise((resolve, reject) => LateClient.kept.push(() => send().then(resolve, reject))) as never;
    for (const next of LateClient.kept.splice(0)) next();
    return send() as never;
  }
}

test('what a client keeps until another one is asked belongs to whoever issued it', async () => {
  const [late, other] = [1, 2].map(() => wrapClient(new LateClient({ connectionString: database.url })));
  assert.ok(late && other);
  await Promise.all([late.connect(), other.connect()]);
  late.isLate = true;
  const kept = runWithActor(actor.user('A'), () => late.query(INSERT, ['kept']));
  await runWithActor(actor.user('B'), () => other.query(INSERT, ['asked']));
  await kept;
  await Promise.all([late.end(), other.end()]);
  const notes = (await readNotes(database.admin)).map((note) => [note.body, note.actor]).sort();
  assert.deepEqual(notes, [
    ['asked', 'B'],
    ['kept', 'A'],
  ]);
});
