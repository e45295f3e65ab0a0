import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import postgres, { type Sql } from 'postgres';
import { wrapPostgres } from '../../../src/adapters/postgres/index.ts';
import { actor, runDetached, runWithActor } from '../../../src/index.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { clearNotes, createNotes, readNotes } from '../../support/notes.ts';
import { as, INSERTS, INSERTS_ON_POOL, PIPELINED, quiet } from './shapes.ts';

let database: TestDatabase;
let sql: Sql;

before(async () => {
  database = await createTestDatabase();
  await createNotes(database.admin);
  sql = wrapPostgres(postgres(database.url, quiet({ max: 1 })));
  // The connection is opened in a context: what happens on its socket must not belong to that.
  await as('WARM', () => sql`select 1`);
});

beforeEach(() => clearNotes(database.admin));
after(() => sql.end());

async function expectActors(expected: Readonly<Record<string, string | null>>): Promise<void> {
  const rows = await readNotes(database.admin);
  assert.deepEqual(Object.fromEntries(rows.map(({ body, actor }) => [body, actor])), expected);
}

const CONTEXTS = [...'ABCDEFGHIJ'];
const EVERYBODY = Object.fromEntries(CONTEXTS.map((name) => [name, name]));

describe('ten contexts on one connection that another one has opened: each writes as itself', () => {
  for (const [name, insert] of PIPELINED)
    test(name, async () => {
      await Promise.all(CONTEXTS.map((context) => as(context, () => insert(sql, context))));
      await expectActors(EVERYBODY);
    });

  for (const [name, insert] of PIPELINED)
    test(`${name}, with prepare: false`, async () => {
      const unprepared = wrapPostgres(postgres(database.url, quiet({ max: 1, prepare: false })));
      await Promise.all(CONTEXTS.map((context) => as(context, () => insert(unprepared, context))));
      await unprepared.end();
      await expectActors(EVERYBODY);
    });

  for (const [name, insert] of INSERTS_ON_POOL)
    test(`${name}, on reserved connections`, async () => {
      await Promise.all(
        CONTEXTS.map((context) =>
          as(context, async () => {
            const reserved = await sql.reserve();
            await insert(reserved, context);
            reserved.release();
          }),
        ),
      );
      await expectActors(EVERYBODY);
    });

  test('all shapes at once, and nobody in between', async () => {
    const bodies = PIPELINED.map((_shape, index) => (index % 3 === 0 ? `nobody ${index}` : `user ${index}`));
    await Promise.all(
      PIPELINED.map(([, insert], index) => {
        const body = String(bodies[index]);
        return body.startsWith('user') ? as(body, () => insert(sql, body)) : insert(sql, body);
      }),
    );
    await expectActors(Object.fromEntries(bodies.map((body) => [body, body.startsWith('user') ? body : null])));
  });

  test('COPY, one after the other', async () => {
    for (const context of CONTEXTS) await as(context, () => INSERTS['COPY']?.(sql, context) ?? Promise.reject());
    await expectActors(EVERYBODY);
  });
});

describe('the context of a lazy query', () => {
  type Lazy = postgres.PendingQuery<postgres.Row[]>;
  const contexts: Readonly<Record<'A' | 'B' | 'none', (fn: () => unknown) => Promise<unknown>>> = {
    A: (fn) => as('A', async () => fn()),
    B: (fn) => as('B', async () => fn()),
    none: (fn) => runDetached(async () => fn()),
  };
  const executions: Readonly<Record<string, (query: Lazy) => Promise<unknown>>> = {
    await: async (query) => await query,
    'execute()': async (query) => void query.execute(),
    'Promise.all': (query) => Promise.all([query]),
    'forEach()': async (query) => await query.forEach(() => {}),
  };

  for (const created of ['A', 'none'] as const)
    for (const executed of ['A', 'B', 'none'] as const)
      for (const [how, execute] of Object.entries(executions))
        test(`created in ${created}, executed in ${executed} by ${how}`, async () => {
          let query: Lazy | undefined;
          await contexts[created](() => {
            query = sql`insert into notes (body) values (${'x'})`;
          });
          await contexts[executed](() => query && execute(query));
          await query;
          const expected = executed === 'none' ? created : executed;
          await expectActors({ x: expected === 'none' ? null : expected });
        });

  test('a query that is returned is executed in the context', async () => {
    await runWithActor(actor.user('A'), () => sql`insert into notes (body) values (${'x'})`);
    await expectActors({ x: 'A' });
  });

  test('a query that is older than the adapter is attributed too', async () => {
    const pool = postgres(database.url, quiet({ max: 1 }));
    const query = pool`insert into notes (body) values (${'x'})`;
    wrapPostgres(pool);
    await as('A', () => query);
    await pool.end();
    await expectActors({ x: 'A' });
  });

  test('a fragment is no query of its own', async () => {
    const fragment = await as('A', async () => [sql`where ${'x'} <> ${'y'}`]);
    await as('B', () => sql`insert into notes (body) select 'x' ${fragment}`);
    await expectActors({ x: 'B' });
  });
});

describe('callbacks run in the context of whoever passed them', () => {
  const write = (body: string) => sql`insert into notes (body) values (${body})`.execute();
  const other = (body: string) => outside`insert into notes (body) values (${body})`.execute();
  let outside: Sql;

  before(() => {
    outside = wrapPostgres(postgres(database.url, quiet({ max: 1 })));
  });
  after(() => outside.end());

  const WORK: Readonly<Record<string, (note: (query: PromiseLike<unknown>) => void) => PromiseLike<unknown>>> = {
    'forEach()': (note) =>
      sql`select 1`.forEach(() => {
        note(write('forEach()'));
      }),
    'cursor()': (note) => sql`select 1`.cursor(() => note(other('cursor()'))),
    'the events of a stream': async (note) => {
      const stream = await sql`copy (select 1) to stdout`.readable();
      stream.on('data', () => note(other('the events of a stream')));
      await new Promise((resolve) => stream.on('end', resolve));
    },
    'listen()': async (note) => {
      const heard = new Promise<void>((resolve) => {
        void sql
          .listen('news', () => {
            note(write('listen()'));
            resolve();
          })
          .then(() => runDetached(() => sql.notify('news', '')));
      });
      await heard;
    },
    'begin()': (note) => sql.begin((tx) => note(tx`insert into notes (body) values ('begin()')`.execute())),
  };

  for (const [name, work] of Object.entries(WORK))
    test(name, async () => {
      const noted: PromiseLike<unknown>[] = [];
      await as('A', () => work((query) => noted.push(query)));
      await Promise.all(noted);
      await expectActors({ [name]: 'A' });
    });
});

test('wrapping is in place, idempotent, and leaves another pool of the same driver alone', async () => {
  const pool = postgres(database.url, quiet({ max: 1 }));
  const other = postgres(database.url, quiet({ max: 1 }));
  const before = Object.keys(pool);
  assert.equal(wrapPostgres(wrapPostgres(pool)), pool);
  assert.deepEqual(Object.keys(pool), before);
  await as('A', () => pool`insert into notes (body) values ('wrapped')`);
  await as('A', () => other`insert into notes (body) values ('other')`);
  await Promise.all([pool.end(), other.end()]);
  await expectActors({ wrapped: 'A', other: null });
});

test('what is no sql of postgres.js is refused', () => {
  for (const value of [{}, undefined, { unsafe: () => Promise.resolve(), options: {} }])
    assert.throws(() => wrapPostgres(value as never), { code: 'TL_POSTGRES_UNSUPPORTED' });
});
