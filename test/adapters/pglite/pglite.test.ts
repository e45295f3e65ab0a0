import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { PGlite } from '@electric-sql/pglite';
import { createPgConfig } from '@electric-sql/pglite/node-postgres';
import pg from 'pg';
import { wrapPool } from '../../../src/adapters/pg/index.ts';
import { queryMessage } from '../../../src/adapters/pglite/client-messages.ts';
import { wrapPGlite } from '../../../src/adapters/pglite/index.ts';
import { actor, runDetached, runWithActor } from '../../../src/index.ts';

const NOTES = `create table notes (
  body text,
  author text default nullif(pg_catalog.current_setting('threadline.actor_ref', true), '')::jsonb ->> 'id'
)`;

let db: PGlite;

function pgPool(pglite: PGlite): pg.Pool {
  return new pg.Pool({ ...(createPgConfig(pglite) as object), max: 1, idleTimeoutMillis: 10 });
}

before(async () => {
  db = wrapPGlite(new PGlite());
  await db.exec(NOTES);
});
beforeEach(() => db.exec('truncate notes'));
after(() => db.close());

function asUser<T>(id: string, fn: () => PromiseLike<T>): Promise<T> {
  return runWithActor(actor.user(id), fn);
}

async function authors(): Promise<Record<string, string | null>> {
  const { rows } = await db.query<{ body: string; author: string | null }>('select body, author from notes');
  return Object.fromEntries(rows.map(({ body, author }) => [body, author]));
}

/** Every way to write the note `body` through PGlite. */
const SHAPES: Readonly<Record<string, (body: string) => Promise<unknown>>> = {
  query: (body) => db.query('insert into notes (body) values ($1)', [body]),
  'the sql template': (body) => db.sql`insert into notes (body) values (${body})`,
  exec: (body) => db.exec(`insert into notes (body) values ('${body}')`),
  'exec of several statements': (body) =>
    db.exec(`select 1; begin; insert into notes (body) values ('${body}'); commit; select 2`),
  'query in a transaction': (body) => db.transaction((tx) => tx.query('insert into notes (body) values ($1)', [body])),
  'the sql template in a transaction': (body) =>
    db.transaction((tx) => tx.sql`insert into notes (body) values (${body})`),
  'exec in a transaction': (body) => db.transaction((tx) => tx.exec(`insert into notes (body) values ('${body}')`)),
  'COPY from a blob': (body) => db.query("copy notes (body) from '/dev/blob'", [], { blob: new Blob([`${body}\n`]) }),
};

describe('wrapPGlite', () => {
  for (const [shape, write] of Object.entries(SHAPES))
    test(`${shape} belongs to the code that issued it, while others wait`, async () => {
      await Promise.all([...['A', 'B', 'C'].map((id) => asUser(id, () => write(id))), write('nobody')]);
      assert.deepEqual(await authors(), { A: 'A', B: 'B', C: 'C', nobody: null });
    });

  test('returns the same instance, and wrapping it again changes nothing', () => {
    const protocol = db.execProtocolStream;
    assert.equal(wrapPGlite(db), db);
    assert.equal(db.execProtocolStream, protocol);
  });

  test('a database that is not ready yet can be wrapped, and wrapped in the middle of its life', async () => {
    const late = new PGlite();
    await late.exec('create table t (author text default current_setting($$threadline.actor_ref$$, true)); begin');
    wrapPGlite(late);
    await asUser('A', () => late.exec('insert into t default values'));
    await late.exec('commit');
    const { rows } = await late.query<{ author: string }>('select author from t');
    await late.close();
    assert.deepEqual(JSON.parse(rows[0]?.author ?? ''), actor.user('A'));
  });

  test('describeQuery describes, and neither writes nor leaves anything behind', async () => {
    const described = await asUser('A', () => db.describeQuery('insert into notes (body) values ($1)'));
    assert.deepEqual(
      described.queryParams.map(({ dataTypeID }) => dataTypeID),
      [25],
    );
    await db.query("insert into notes (body) values ('after')");
    assert.deepEqual(await authors(), { after: null });
  });

  test('what a notification causes belongs to nobody, and a listener can be taken off again', async () => {
    const heard: Promise<unknown>[] = [];
    const hear = (payload: string) => {
      heard.push(db.query('insert into notes (body) values ($1)', [payload]));
    };
    await asUser('A', () => db.listen('news', hear));
    await asUser('B', () => db.query("select pg_notify('news', 'one')"));
    await Promise.all(heard);
    await db.unlisten('news', hear);
    await asUser('B', () => db.query("select pg_notify('news', 'two')"));
    await Promise.all(heard);
    assert.deepEqual(await authors(), { one: null });
  });

  test('listeners of all channels hear as before, and can be taken off by their own function', async () => {
    const heard: string[] = [];
    const hear = (channel: string, payload: string) => void heard.push(`${channel} ${payload}`);
    db.onNotification(hear);
    await db.exec('listen other');
    await db.query("select pg_notify('other', 'one')");
    await runDetached(async () => {});
    db.offNotification(hear);
    await db.query("select pg_notify('other', 'two')");
    await db.exec('unlisten other');
    assert.deepEqual(heard, ['other one']);
  });

  test('a procedure or DO block that commits inside runs again and again, by query and by exec', async () => {
    await db.exec(`create or replace procedure twice() language plpgsql as
      $$ begin insert into notes (body) values ('x'); commit; insert into notes (body) values ('x'); end $$`);
    const calls: (() => Promise<unknown>)[] = [() => db.query('call twice()'), () => db.exec('call  twice()')];
    for (const call of calls)
      for (const _time of [1, 2]) {
        await asUser('A', call);
        const { rows } = await db.query('select body from notes');
        assert.equal(rows.length, 2);
        await db.exec('truncate notes');
      }
  });

  test('transactions that are begun or ended by protocol messages are noticed', async () => {
    const send = (text: string) => db.execProtocol(queryMessage(text));
    const write = (body: string) => db.query('insert into notes (body) values ($1)', [body]);
    await asUser('A', async () => {
      await db.exec('begin');
      await write('one');
      await send('commit');
      await write('two');
      await send('begin');
      await write('three');
    });
    await write('four');
    await send('commit');
    assert.deepEqual(await authors(), { one: 'A', two: 'A', three: 'A', four: null });
  });

  for (const wrapsDatabase of [true, false])
    test(`through a Pool of pg on the connection that PGlite makes for it: ${wrapsDatabase ? 'both are wrapped' : 'the pool is wrapped'}`, async () => {
      const own = new PGlite();
      await own.exec(NOTES);
      const pool = wrapPool(pgPool(wrapsDatabase ? wrapPGlite(own) : own));
      const write = (id: string) => asUser(id, () => pool.query('insert into notes (body) values ($1)', [id]));
      await Promise.all([...['A', 'B', 'C'].map(write), pool.query("insert into notes (body) values ('nobody')")]);
      const client = await pool.connect();
      await client.query('begin');
      await asUser('D', () => client.query("insert into notes (body) values ('D')"));
      await client.query("insert into notes (body) values ('nobody in it')");
      await client.query('commit');
      client.release();
      // The next client is lent the same connection.
      while (pool.totalCount > 0) await setTimeout(10);
      await write('E');
      const { rows } = await own.query<{ body: string; author: string | null }>('select body, author from notes');
      await pool.end();
      await own.close();
      assert.deepEqual(Object.fromEntries(rows.map(({ body, author }) => [body, author])), {
        A: 'A',
        B: 'B',
        C: 'C',
        nobody: null,
        D: 'D',
        'nobody in it': null,
        E: 'E',
      });
    });

  test('a Pool of pg on its connection that is not wrapped writes as nobody, never as whoever came before', async () => {
    const pool = pgPool(db);
    await Promise.all(
      ['A', 'B', 'C'].map((id) => asUser(id, () => pool.query('insert into notes (body) values ($1)', [id]))),
    );
    await pool.end();
    assert.deepEqual(await authors(), { A: null, B: null, C: null });
  });

  test('refuses what is no PGlite of a version that can be instrumented', () => {
    const old = { query: () => {}, exec: () => {}, transaction: () => {} };
    assert.throws(() => wrapPGlite(old), { code: 'TL_PGLITE_UNSUPPORTED' });
  });
});
