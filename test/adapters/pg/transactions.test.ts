import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import pg from 'pg';
import Cursor from 'pg-cursor';
import { wrapPool } from '../../../src/adapters/pg/index.ts';
import { actor, runDetached, runWithActor, runWithContext } from '../../../src/index.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { clearNotes, createNotes, readNotes } from '../../support/notes.ts';

let database: TestDatabase;
let pool: pg.Pool;
let client: pg.PoolClient;

before(async () => {
  database = await createTestDatabase();
  await createNotes(database.admin);
  pool = wrapPool(new pg.Pool({ connectionString: database.url, max: 1 }));
  client = await pool.connect();
});

beforeEach(async () => {
  await client.query('rollback');
  await clearNotes(database.admin);
});

after(async () => {
  client.release();
  await pool.end();
});

const as = <T>(name: string, fn: () => Promise<T>): Promise<T> =>
  name === 'nobody' ? runDetached(fn) : runWithActor(actor.user(name), fn);
const write = (name: string) => as(name, () => client.query('insert into notes (body) values ($1)', [name]));
const run = (text: string) => client.query(text);

/** Runs steps such as `A` (a write by A) or an SQL text, and checks that each row is attributed to whoever wrote it. */
async function follow(steps: readonly string[]): Promise<readonly string[]> {
  for (const step of steps)
    await (/^(?:[A-Z]|nobody)$/.test(step) ? write(step) : as('CONTROL', () => run(step)).catch(() => {}));
  const rows = await readNotes(database.admin);
  for (const row of rows) assert.equal(row.actor ?? 'nobody', row.body);
  return rows.map((row) => String(row.body));
}

describe('every row is attributed to the context of its own statement', () => {
  const cases: Readonly<Record<string, { steps: readonly string[]; rows: readonly string[] }>> = {
    'a change of actor in the middle of a transaction': {
      steps: ['begin', 'A', 'B', 'A', 'commit'],
      rows: ['A', 'B', 'A'],
    },
    'no context after one, and one after none': {
      steps: ['begin', 'A', 'nobody', 'nobody', 'B', 'commit'],
      rows: ['A', 'nobody', 'nobody', 'B'],
    },
    'a savepoint that is rolled back': {
      steps: ['begin', 'A', 'savepoint s', 'B', 'rollback to s', 'B', 'A', 'commit'],
      rows: ['A', 'B', 'A'],
    },
    'a first write in a savepoint that is rolled back': {
      steps: ['begin', 'savepoint s', 'A', 'rollback to savepoint s', 'A', 'commit'],
      rows: ['A'],
    },
    'a savepoint that is rolled back to where nobody wrote': {
      steps: ['begin', 'nobody', 'savepoint s', 'A', 'rollback to s', 'nobody', 'commit'],
      rows: ['nobody', 'nobody'],
    },
    'a savepoint that is released': {
      steps: ['begin', 'A', 'savepoint s', 'B', 'release s', 'A', 'commit'],
      rows: ['A', 'B', 'A'],
    },
    'COMMIT AND CHAIN': {
      steps: ['begin', 'A', 'commit and chain', 'A', 'nobody', 'commit'],
      rows: ['A', 'A', 'nobody'],
    },
    'ROLLBACK AND CHAIN': { steps: ['begin', 'A', 'rollback and chain', 'A', 'commit'], rows: ['A'] },
    'RESET ALL': { steps: ['begin', 'A', 'reset all', 'A', 'commit'], rows: ['A', 'A'] },
    'DISCARD ALL between transactions': { steps: ['begin', 'A', 'commit', 'discard all', 'A'], rows: ['A', 'A'] },
    'two-phase commit': {
      steps: ['begin', 'A', "prepare transaction 'tx'", 'nobody', 'B', "commit prepared 'tx'"],
      rows: ['A', 'nobody', 'B'],
    },
    'a failed statement and a savepoint': {
      steps: ['begin', 'A', 'savepoint s', 'select 1/0', 'rollback to s', 'B', 'commit'],
      rows: ['A', 'B'],
    },
    'a failed transaction and the next': {
      steps: ['begin', 'A', 'select 1/0', 'rollback', 'B', 'begin', 'A', 'commit'],
      rows: ['B', 'A'],
    },
    'an ABORT and a BEGIN in one text': { steps: ['begin', 'A', 'abort; begin', 'A', 'commit'], rows: ['A'] },
    'BEGIN behind a comment': { steps: ['/* trace */ BEGIN', 'A', '-- x\ncommit'], rows: ['A'] },
    'START TRANSACTION and END': {
      steps: ['start transaction isolation level repeatable read', 'A', 'B', 'end'],
      rows: ['A', 'B'],
    },
    'a statement that writes the settings itself': {
      steps: ['begin', 'A', `select set_config('threadline.actor_ref', '{"id":"forged"}', true)`, 'A', 'commit'],
      rows: ['A', 'A'],
    },
  };
  for (const [name, { steps, rows }] of Object.entries(cases))
    test(name, async () => {
      assert.deepEqual(await follow(steps), rows);
    });
});

describe('texts that control transactions themselves', () => {
  const insert = (body: string) => `insert into notes (body) values ('${body}')`;
  const cases: Readonly<Record<string, string>> = {
    'BEGIN; write; COMMIT': `begin; ${insert('A')}; commit`,
    'an isolation level': `begin isolation level serializable; ${insert('A')}; commit`,
    'SET TRANSACTION as the first statement': `begin; set transaction isolation level serializable; ${insert('A')}; commit`,
    'a write in front of BEGIN': `${insert('A')}; begin; ${insert('A')}; commit`,
    'a write behind COMMIT': `begin; ${insert('A')}; commit; ${insert('A')}`,
    'two transactions': `begin; ${insert('A')}; commit; begin; ${insert('A')}; commit`,
    'a rollback to a savepoint': `begin; savepoint s; ${insert('A')}; rollback to s; ${insert('A')}; commit`,
    'a semicolon in a literal': `begin; insert into notes (body) values ('; begin; '); update notes set body = 'A'; commit`,
    'a dollar-quoted body': `begin; do $x$ begin insert into notes (body) values ('A'); end $x$; commit`,
  };
  for (const [name, text] of Object.entries(cases))
    test(name, async () => {
      await as('A', () => run(text));
      const rows = await readNotes(database.admin);
      assert.ok(rows.length > 0);
      for (const row of rows) assert.deepEqual([row.body, row.actor], ['A', 'A']);
    });

  test('a backslash in a plain string, by the word of the server on how it reads one', async () => {
    await as('A', () => run(`insert into notes (body) values ('a\\b'); begin; ${insert('A')}; commit`));
    assert.deepEqual(
      (await readNotes(database.admin)).map((row) => [row.body, row.actor]),
      [
        ['a\\b', 'A'],
        ['A', 'A'],
      ],
    );
  });

  test('a rollback to a savepoint and a write, in one text in an open transaction', async () => {
    await follow(['begin', 'A', 'savepoint s', 'B']);
    await as('C', () => run(`rollback to s; ${insert('C')}; commit`));
    assert.deepEqual(
      (await readNotes(database.admin)).map((row) => row.actor),
      ['A', 'C'],
    );
  });
});

test('all of a context is replaced: no correlation id is left over from the one before', async () => {
  await run('begin');
  await runWithContext({ actor: actor.user('A'), correlationId: 'one' }, () =>
    run("insert into notes (body) values ('A')"),
  );
  await runWithContext({ actor: actor.user('B') }, () => run("insert into notes (body) values ('B')"));
  await run('commit');
  assert.deepEqual(await readNotes(database.admin), [
    { body: 'A', actor: 'A', correlation: 'one' },
    { body: 'B', actor: 'B', correlation: null },
  ]);
});

test('hostile ids and meta arrive as they are, whatever standard_conforming_strings says', async () => {
  const id = 'it\'s \\ "q" ? $1 $ {x}; -- /* é 😀';
  for (const setting of ['on', 'off']) {
    await run(`set standard_conforming_strings = ${setting}`);
    await runWithContext({ actor: actor.user(id), meta: { text: `\u0000${id}\ud800` } }, async () => {
      await run("begin; insert into notes (body) values ('script'); commit");
      await run("insert into notes (body) values ('simple')");
      await client.query('insert into notes (body) values ($1)', ['extended']);
    });
  }
  await run('reset standard_conforming_strings');
  const rows = await readNotes(database.admin);
  assert.equal(rows.length, 6);
  for (const row of rows) assert.equal(row.actor, id);
});

describe('a write whose settings the server refuses fails with the cause and writes nothing', () => {
  let restricted: pg.Pool;

  before(async () => {
    await database.admin.query(`
      create role restricted_${database.name} login;
      grant insert, select on notes to restricted_${database.name};
      revoke execute on function pg_catalog.set_config(text, text, boolean) from public`);
    const url = new URL(database.url);
    url.username = `restricted_${database.name}`;
    restricted = wrapPool(new pg.Pool({ connectionString: url.href, max: 1 }));
  });

  after(async () => {
    await restricted.end();
    await database.admin.query(`
      grant execute on function pg_catalog.set_config(text, text, boolean) to public;
      drop owned by restricted_${database.name};
      drop role restricted_${database.name}`);
  });

  const refused = (write: () => Promise<unknown>) =>
    assert.rejects(as('A', write), { code: '42501', message: /set_config/ });
  const writes: Readonly<Record<string, () => Promise<unknown>>> = {
    'with values': () => restricted.query('insert into notes (body) values ($1)', ['x']),
    'with a text': () => restricted.query("insert into notes (body) values ('x')"),
    'named, twice': async () => {
      const named = { name: 'add', text: 'insert into notes (body) values ($1)', values: ['x'] };
      await restricted.query(named).catch(() => {});
      await restricted.query(named);
    },
    'as a script': () => restricted.query("begin; insert into notes (body) values ('x'); commit"),
    'with a limit of rows per portal': () =>
      restricted.query({
        text: 'insert into notes (body) values ($1) returning 1',
        values: ['x'],
        rows: 5,
      } as pg.QueryConfig),
    'in a transaction': async () => {
      const held = await restricted.connect();
      try {
        await held.query('begin');
        await held.query("insert into notes (body) values ('x')");
      } finally {
        await held.query('rollback');
        held.release();
      }
    },
    'through a cursor': async () => {
      const held = await restricted.connect();
      const cursor = held.query(new Cursor('insert into notes (body) values ($1) returning 1', ['x']));
      try {
        await cursor.read(1);
      } finally {
        held.release();
      }
    },
  };
  for (const [name, attempt] of Object.entries(writes))
    test(name, async () => {
      await refused(attempt);
      assert.deepEqual(await readNotes(database.admin), []);
      assert.deepEqual((await restricted.query('select 1 as alive')).rows, [{ alive: 1 }]);
    });
});

test('an overload of set_config in the search path is not called', async () => {
  await database.admin.query(
    `create function public.set_config(text, text, boolean) returns text language sql as $$ select pg_catalog.set_config($1, '{"id":"hijacked"}', $3) $$`,
  );
  await run('set search_path = public, pg_catalog');
  assert.deepEqual(await follow(['A', 'begin', 'B', 'commit', 'begin; select 1; commit']), ['A', 'B']);
  await run('reset search_path');
});

test('a deferred trigger writes at COMMIT as whoever wrote last, whoever reads in between', async () => {
  await database.admin.query(`
    create table orders (id int);
    create function note_order() returns trigger language plpgsql as
      $$ begin insert into notes (body) values ('deferred'); return null; end $$;
    create constraint trigger note_order after insert on orders deferrable initially deferred
      for each row execute function note_order()`);
  await run('begin');
  await as('A', () => run('insert into orders values (1)'));
  await as('B', () => run('select count(*) from orders'));
  await as('C', () => run('commit'));
  assert.deepEqual(
    (await readNotes(database.admin)).map(({ body, actor: id }) => [body, id]),
    [['deferred', 'A']],
  );
});
