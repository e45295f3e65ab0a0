import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, before, beforeEach, describe, test } from 'node:test';
import postgres, { type Sql } from 'postgres';
import { wrapPostgres } from '../../../src/adapters/postgres/index.ts';
import { currentActor } from '../../../src/index.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { clearNotes, createNotes, readNotes } from '../../support/notes.ts';
import { as, PIPELINED, quiet, reconnect } from './shapes.ts';

let database: TestDatabase;

before(async () => {
  database = await createTestDatabase();
  await createNotes(database.admin);
});
beforeEach(() => clearNotes(database.admin));

async function expectActors(expected: Readonly<Record<string, string | null>>): Promise<void> {
  const rows = await readNotes(database.admin);
  assert.deepEqual(Object.fromEntries(rows.map(({ body, actor }) => [body, actor])), expected);
}

const write = (on: Sql, body: string) => on`insert into notes (body) values (${body})`;

describe('a pool that was in use before it was wrapped', () => {
  let sql: Sql;

  beforeEach(async () => {
    sql = postgres(database.url, quiet({ max: 1 }));
    await write(sql, 'before');
  });
  afterEach(() => sql.end());

  test('with an idle connection', async () => {
    wrapPostgres(sql);
    await as('A', () => write(sql, 'A'));
    await expectActors({ before: null, A: 'A' });
  });

  for (const [name, insert] of PIPELINED)
    test(`with queries under way, followed by ${name}`, async () => {
      // A large answer: part of a message has arrived when the adapter takes over.
      const large = sql`select repeat('x', 5000000) as x, pg_sleep(0.05)`.execute();
      const early = write(sql, 'early').execute();
      await new Promise((resolve) => setImmediate(resolve));
      wrapPostgres(sql);
      const late = as('A', () => insert(sql, 'A'));
      const nobody = write(sql, 'nobody').execute();
      const [row] = await large;
      assert.equal(row?.['x'].length, 5_000_000);
      await Promise.all([early, late, nobody]);
      await as('B', () => insert(sql, 'B'));
      await expectActors({ before: null, early: null, A: 'A', nobody: null, B: 'B' });
    });

  test('with a transaction that is open', async () => {
    await sql.begin(async (tx) => {
      await tx`insert into notes (body) values ('early')`;
      wrapPostgres(sql);
      await as('A', () => tx`insert into notes (body) values ('A')`);
      await tx`insert into notes (body) values ('late')`;
    });
    await expectActors({ before: null, early: null, A: 'A', late: null });
  });
});

test('sockets are opened outside of any context, and what happens on them belongs to nobody', async () => {
  const actors: unknown[] = [];
  const note = () => actors.push(currentActor());
  const sql = wrapPostgres(
    postgres(database.url, {
      max: 1,
      onnotice: note,
      onparameter: note,
      onclose: note,
      debug: note,
      transform: {
        row: {
          from: (row) => {
            note();
            return row;
          },
        },
      },
      socket: () => {
        note();
        const { host, port } = database;
        return connect(port, host);
      },
    } as postgres.Options<Record<string, postgres.PostgresType>>),
  );
  await as('A', async () => {
    await sql.unsafe("do $$ begin raise notice 'x'; end $$");
    await sql`select ${1}::int as one`;
  });
  await sql.end();
  assert.ok(actors.length > 6);
  assert.deepEqual(new Set(actors), new Set([undefined]));
});

test('a socket of the application is taken as it is, and one that is no stream of Node is refused', async () => {
  const open = (wrap: (socket: ReturnType<typeof connect>) => unknown) =>
    wrapPostgres(
      postgres(database.url, {
        ...quiet({ max: 1, fetch_types: false }),
        socket: async () => {
          const socket = connect(database.port, database.host);
          await new Promise((resolve) => socket.once('connect', resolve));
          return wrap(socket);
        },
      } as never) as Sql,
    );
  const plain = open((socket) => socket);
  await as('A', () => write(plain, 'A'));
  await plain.end();

  const strange = open((socket) => ({
    on: socket.on.bind(socket),
    once: socket.once.bind(socket),
    removeListener: socket.removeListener.bind(socket),
    removeAllListeners: socket.removeAllListeners.bind(socket),
    write: (bytes: Buffer) => socket._write(bytes, 'buffer' as never, () => {}) ?? true,
    end: () => socket.destroy(),
    destroy: () => socket.destroy(),
    readyState: 'open',
  }));
  await assert.rejects(
    as('B', () => write(strange, 'B')),
    { code: 'TL_POSTGRES_SOCKET_UNSUPPORTED' },
  );
  await strange.end({ timeout: 0 });
  await expectActors({ A: 'A' });
});

test('a query on a socket that is lost without the driver knowing fails as it does without the adapter', async () => {
  const codes = [];
  for (const wrap of [(sql: Sql) => sql, wrapPostgres]) {
    let socket: ReturnType<typeof connect> | undefined;
    const { user, name, host, port } = database;
    const open = async () => {
      socket = connect(port, host);
      await once(socket, 'connect');
      return socket;
    };
    // An option that the driver's types do not know.
    const options = { user, database: name, max: 1, backoff: () => 0, socket: open };
    const sql = wrap(postgres(quiet(options)));
    await as('A', () => write(sql, 'A'));
    socket?.destroy();
    codes.push(
      await as('A', () => write(sql, 'A')).then(
        () => 'none',
        (error) => error.code,
      ),
    );
    await sql.end({ timeout: 1 });
  }
  assert.deepEqual(codes, ['CONNECTION_CLOSED', 'CONNECTION_CLOSED']);
});

test('a connection that is lost and opened again', async () => {
  const sql = wrapPostgres(postgres(database.url, quiet({ max: 1, backoff: () => 0 })));
  for (const body of ['A', 'B', 'C']) {
    await as(body, () => write(sql, body));
    await reconnect(sql);
  }
  await sql.end();
  await expectActors({ A: 'A', B: 'B', C: 'C' });
});

test('statements that cannot run in a transaction, and procedures and blocks that end theirs', async () => {
  const sql = wrapPostgres(postgres(database.url, quiet({ max: 2 })));
  await database.admin.query(`
    create table strict (x int);
    create procedure halves(body text) language plpgsql as $$ begin
      insert into notes (body) values (body); commit; insert into notes (body) values (body); end $$`);
  await as('A', async () => {
    for (const text of [
      'vacuum strict',
      'create index concurrently strict_x on strict (x)',
      'reindex index concurrently strict_x',
      'drop index concurrently strict_x',
      'discard all',
    ])
      await sql.unsafe(text);
    for (let time = 0; time < 2; time += 1) {
      await sql.unsafe("call halves('halves')");
      await sql`call halves(${'halves'})`;
      await sql.unsafe("do $$ begin insert into notes (body) values ('block'); commit; end $$");
    }
    await sql.unsafe("do $$ begin insert into notes (body) values ('A'); end $$");
    await assert.rejects(
      sql.begin((tx) => tx`call halves(${'halves'})`),
      { code: '2D000' },
    );
    await assert.rejects(
      Promise.resolve(sql.unsafe("do $$ begin commit; raise 'mine' using errcode = 'ZZ001'; end $$")),
      {
        code: 'ZZ001',
      },
    );
  });
  await sql.end();
  const rows = await readNotes(database.admin);
  assert.equal(rows.filter(({ body }) => body === 'halves').length, 8);
  assert.equal(rows.filter(({ body }) => body === 'block').length, 2);
  assert.equal(rows.find(({ body }) => body === 'A')?.actor, 'A');
});

test('backslashes in strings, whatever the server takes them for', async () => {
  const sql = wrapPostgres(postgres(database.url, quiet({ max: 1 })));
  const script = String.raw`start transaction; insert into notes (body) values ('a\'), ('b'); commit`;
  await as('A', async () => {
    await sql.unsafe(script);
    await sql.unsafe(String.raw`insert into notes (body) values ('c\')`);
    await sql.unsafe('set standard_conforming_strings = off');
    await sql.unsafe(String.raw`insert into notes (body) values ('d\'e')`);
    await sql.unsafe(String.raw`select 1; insert into notes (body) values ('f\'; g')`);
  });
  await sql.end();
  await expectActors({ 'a\\': 'A', b: 'A', 'c\\': 'A', "d'e": 'A', "f'; g": 'A' });
});

test('texts with dollar signs, which are parameters only in the other protocol', async () => {
  const sql = wrapPostgres(postgres(database.url, quiet({ max: 1 })));
  await as('A', async () => {
    await sql.unsafe("insert into notes (body) values ('$1')");
    await assert.rejects(Promise.resolve(sql.unsafe('insert into notes (body) values ($1)')), { code: '42P02' });
  });
  await sql.end();
  await expectActors({ $1: 'A' });
});

test('what waits for its turn while rows are copied in goes out behind them', async () => {
  const sql = wrapPostgres(postgres(database.url, quiet({ max: 1, prepare: false })));
  await sql`select 1`;
  const copying = as('A', () => {
    const copy = sql`copy notes (body) from stdin`;
    const stream = copy.writable();
    copy.execute();
    return stream;
  });
  const texts = ['B', 'C'].map((name) => as(name, () => sql`insert into notes (body) values ('${sql.unsafe(name)}')`));
  const stream = await copying;
  stream.end('A\n');
  await Promise.all(texts);
  await sql.end();
  await expectActors({ A: 'A', B: 'B', C: 'C' });
});
