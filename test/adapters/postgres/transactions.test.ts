import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import postgres, { type Sql } from 'postgres';
import { wrapPostgres } from '../../../src/adapters/postgres/index.ts';
import { runDetached } from '../../../src/index.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { clearNotes, createNotes, readNotes } from '../../support/notes.ts';
import { type AnySql, as, INSERTS, quiet } from './shapes.ts';

let database: TestDatabase;
let sql: Sql;

before(async () => {
  database = await createTestDatabase();
  await createNotes(database.admin);
  sql = wrapPostgres(postgres(database.url, quiet({ max: 1 })));
  await as('WARM', () => sql`select 1`);
});

beforeEach(() => clearNotes(database.admin));
after(() => sql.end());

const write = (on: AnySql, body: string) => on`insert into notes (body) values (${body})`;

async function expectRows(...expected: readonly (readonly [body: string, actor: string | null])[]): Promise<void> {
  assert.deepEqual(
    (await readNotes(database.admin)).map(({ body, actor }) => [body, actor]),
    expected,
  );
}

describe('every call shape in a transaction, each under an actor of its own', () => {
  for (const [name, insert] of Object.entries(INSERTS))
    test(name, async () => {
      await as('A', () =>
        sql.begin(async (tx) => {
          await insert(tx, 'A');
          await as('B', () => insert(tx, 'B'));
          await runDetached(() => insert(tx, 'nobody'));
          await insert(tx, 'A');
        }),
      );
      await expectRows(['A', 'A'], ['B', 'B'], ['nobody', null], ['A', 'A']);
    });

  test('all of them without waiting in between', async () => {
    await as('A', () =>
      sql.begin((tx) => {
        // Nothing can be sent while rows are copied in.
        const shapes = Object.entries(INSERTS).filter(([name]) => name !== 'COPY');
        return Promise.all(
          shapes.map(([, insert], index) => as(`user ${index % 5}`, () => insert(tx, `user ${index % 5}`))),
        );
      }),
    );
    const rows = await readNotes(database.admin);
    assert.equal(rows.length, Object.keys(INSERTS).length - 1);
    for (const row of rows) assert.equal(row.actor, row.body);
  });
});

test('an array of queries returned from begin', async () => {
  const results = await as('A', () => sql.begin((tx) => [write(tx, 'one'), tx`select 2 as two`, write(tx, 'three')]));
  assert.deepEqual(
    results.map(([row]) => row),
    [undefined, { two: 2 }, undefined],
  );
  await expectRows(['one', 'A'], ['three', 'A']);
});

test('begin with options takes its isolation level, also where its first statement is another SET', async () => {
  const levels = await as('A', () =>
    sql.begin('isolation level serializable', async (tx) => {
      const [first] = await tx`show transaction_isolation`;
      await write(tx, 'x');
      return first;
    }),
  );
  assert.deepEqual(levels, { transaction_isolation: 'serializable' });
  await as('A', () =>
    sql.begin(async (tx) => {
      await tx`set transaction isolation level repeatable read`;
      await write(tx, 'y');
    }),
  );
  await assert.rejects(
    as('A', () => sql.begin('read only', (tx) => write(tx, 'z'))),
    { code: '25006' },
  );
  await expectRows(['x', 'A'], ['y', 'A']);
});

test('savepoints kept, rolled back and caught leave each write with its own actor', async () => {
  await as('outer', () =>
    sql.begin(async (tx) => {
      await write(tx, 'before');
      await tx.savepoint((sp) => as('inner', () => write(sp, 'kept')));
      await write(tx, 'between');
      await tx
        .savepoint('named', async (sp) => {
          await as('inner', () => write(sp, 'lost'));
          throw new Error('undone');
        })
        .catch(() => {});
      await as('inner', () => write(tx, 'inner again'));
      await tx
        .savepoint(async (sp) => {
          await as('deep', () => write(sp, 'lost'));
          await sp.savepoint((deeper) => as('deeper', () => deeper`select 1 / 0`));
        })
        .catch(() => {});
      await as('deep', () => write(tx, 'deep'));
      await write(tx, 'after');
    }),
  );
  await expectRows(
    ['before', 'outer'],
    ['kept', 'inner'],
    ['between', 'outer'],
    ['inner again', 'inner'],
    ['deep', 'deep'],
    ['after', 'outer'],
  );
});

test('transaction control, RESET ALL and DISCARD in SQL', async () => {
  await as('A', async () => {
    const reserved = await sql.reserve();
    await reserved`begin`;
    await write(reserved, 'one');
    await reserved`savepoint s`;
    await as('B', () => write(reserved, 'lost'));
    await reserved`rollback to s`;
    await as('B', () => write(reserved, 'two'));
    await reserved`release s`;
    await write(reserved, 'three');
    await reserved.unsafe('reset all');
    await write(reserved, 'four');
    await reserved`commit and chain`;
    await write(reserved, 'five');
    await reserved`commit`;
    reserved.release();
  });
  await expectRows(['one', 'A'], ['two', 'B'], ['three', 'A'], ['four', 'A'], ['five', 'A']);
});

test('a connection whose prepared statements are gone', async () => {
  for (const [index, forget] of [
    'discard all',
    'deallocate all',
    "do $$ begin execute 'deallocate all'; end $$",
  ].entries()) {
    const pool = wrapPostgres(postgres(database.url, quiet({ max: 1 })));
    await as('A', async () => {
      // Prepared by the first, known by the second, and gone for the third: which the driver then prepares anew.
      for (let time = 0; time < 3; time += 1) await write(pool, `before ${index}`);
      await pool.unsafe(forget);
      for (let time = 0; time < 3; time += 1) await write(pool, `after ${index}`);
    });
    await pool.end();
  }
  const rows = await readNotes(database.admin);
  assert.equal(rows.length, 18);
  for (const { actor } of rows) assert.equal(actor, 'A');
});

test('control statements that are still under way when the next statement is issued', async () => {
  await as('A', async () => {
    const reserved = await sql.reserve();
    await Promise.all([
      reserved`begin`.simple().execute(),
      write(reserved, 'one').execute(),
      reserved.unsafe('savepoint s').execute(),
      as('B', () => write(reserved, 'lost')),
      reserved.unsafe('rollback to s').execute(),
      write(reserved, 'two').execute(),
      reserved.unsafe('commit').execute(),
      as('C', () => write(reserved, 'three')),
    ]);
    reserved.release();
  });
  await expectRows(['one', 'A'], ['two', 'A'], ['three', 'C']);
});

test('a failed transaction answers with its own errors, and ends as it would without the adapter', async () => {
  await as('A', async () => {
    const reserved = await sql.reserve();
    await reserved`begin`;
    await assert.rejects(reserved`select 1 / 0`.execute(), { code: '22012' });
    await assert.rejects(write(reserved, 'lost').execute(), { code: '25P02' });
    await assert.rejects(reserved.unsafe("insert into notes (body) values ('lost')").execute(), { code: '25P02' });
    await reserved`rollback`;
    await write(reserved, 'kept');
    reserved.release();
  });
  await expectRows(['kept', 'A']);
});

test('PREPARE TRANSACTION keeps what was attributed', async () => {
  await as('A', () =>
    sql.begin(async (tx) => {
      await write(tx, 'x');
      await tx.prepare(`note_${process.pid}`);
    }),
  );
  await sql.unsafe(`commit prepared 'note_${process.pid}'`);
  await expectRows(['x', 'A']);
});

test('a deferred constraint that fails at the end rejects the query', async () => {
  await database.admin.query(
    'create table parents (id int primary key); create table children (parent int references parents deferrable initially deferred)',
  );
  for (const insert of [
    () => sql`insert into children values (${1})`,
    () => sql`insert into children values (${1})`,
    () => sql.unsafe('insert into children values (1)'),
    () => sql.unsafe('insert into children values (1); select 1'),
    () => sql.begin((tx) => tx`insert into children values (1)`),
  ])
    await assert.rejects(as('A', insert as () => Promise<unknown>), { code: '23503' });
  await as('A', () => write(sql, 'x'));
  await expectRows(['x', 'A']);
});

test('a value that cannot be written stops its own statement, and the next one has its settings', async () => {
  const strict = { to: 25, from: [25], serialize: refuseBad, parse: String };
  const pool = wrapPostgres(postgres(database.url, { ...quiet({ max: 1 }), types: { strict } })) as Sql;
  await as('A', async () => {
    const reserved = await pool.reserve();
    for (const again of ['first', 'known']) {
      await reserved`begin`;
      await write(reserved, `A ${again}`);
      const bad = () => reserved`insert into notes (body) values (${'bad'}) returning ${again}::text`;
      await assert.rejects(as('B', bad), { message: 'bad' });
      await as('B', () => write(reserved, `B ${again}`));
      await assert.rejects(as('C', bad), { message: 'bad' });
      await write(reserved, `A ${again} again`);
      await reserved`commit`;
    }
    reserved.release();
  });
  await pool.end();
  const rows = await readNotes(database.admin);
  assert.equal(rows.length, 6);
  for (const { body, actor } of rows) assert.equal(actor, body[0]);
});

function refuseBad(value: unknown): string {
  if (value === 'bad') throw new Error('bad');
  return String(value);
}
