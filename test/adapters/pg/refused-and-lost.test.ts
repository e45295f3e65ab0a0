import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { before, beforeEach, describe, test } from 'node:test';
import pg from 'pg';
import { wrapClient, wrapPool } from '../../../src/adapters/pg/index.ts';
import { actor, currentActor, runWithActor } from '../../../src/index.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { clearNotes, createNotes, readNotes } from '../../support/notes.ts';
import { startPostgresServer } from '../../support/postgres-server.ts';

const INSERT = 'insert into notes (body) values ($1)';
const who = () => Reflect.get(Object(currentActor()), 'id') as unknown;
const as = <T>(id: string, fn: () => T) => runWithActor(actor.user(id), fn as () => never) as T;

let database: TestDatabase;
let pool: pg.Pool;

before(async () => {
  database = await createTestDatabase();
  await createNotes(database.admin);
});

beforeEach(async () => {
  await clearNotes(database.admin);
  pool = wrapPool(new pg.Pool({ connectionString: database.url, max: 1 }));
  pool.on('error', () => {});
});

const written = async () => (await readNotes(database.admin)).map(({ body, actor }) => `${body} by ${actor}`);

describe('a query that pg refuses to send', () => {
  for (const [name, refused] of Object.entries({
    'for its values': { text: INSERT, values: 'no array' as never },
    'for its name': { name: 'taken', text: INSERT, values: ['x'] },
  }))
    test(name, async () => {
      const client = await pool.connect();
      await client.query({ name: 'taken', text: 'select 1' });
      await client.query('begin');
      await as('A', () => client.query(INSERT, ['A']));
      await as('B', async () => {
        await assert.rejects(client.query(refused));
        await client.query(INSERT, ['B']);
      });
      await client.query('commit');
      client.release();
      await pool.end();
      assert.deepEqual(await written(), ['A by A', 'B by B']);
    });
});

test('a Proxy around a client is attributed like the client', async () => {
  const client = await pool.connect();
  const proxy = new Proxy(client, {});
  await as('A', () => proxy.query(INSERT, ['A']));
  await client.query('begin');
  await as('B', () => client.query(INSERT, ['B']));
  await as('C', () => proxy.query(INSERT, ['C']));
  await client.query('commit');
  client.release();
  await pool.end();
  assert.deepEqual(await written(), ['A by A', 'B by B', 'C by C']);
});

test('clients handed out as a Proxy with bound methods are instrumented once', async () => {
  class TracingPool extends pg.Pool {
    override connect(): Promise<pg.PoolClient>;
    override connect(callback: (error: unknown, client: never, release: never) => void): void;
    override connect(callback?: unknown): never {
      const trace = (client: object) =>
        new Proxy(client, {
          get: (target, name) => {
            const value: unknown = Reflect.get(target, name);
            return typeof value === 'function' && name !== 'constructor' ? value.bind(target) : value;
          },
        });
      if (callback) return super.connect(callback as never) as never;
      return super.connect().then(trace) as never;
    }
  }
  const tracing = wrapPool(new TracingPool({ connectionString: database.url, max: 1 }) as pg.Pool);
  for (let checkout = 0; checkout < 2000; checkout += 1) (await tracing.connect()).release();
  await as('A', () => tracing.query(INSERT, ['A']));
  await tracing.end();
  await pool.end();
  assert.deepEqual(await written(), ['A by A']);
});

test('a procedure that commits keeps its place among the queries of its client', async () => {
  await database.admin.query(`create procedure commits() language plpgsql as
    $$ begin insert into notes (body) values ('first'); commit; end $$`);
  const client = await pool.connect();
  await as('A', () => Promise.all([client.query('call commits()'), client.query(INSERT, ['second'])]));
  client.release();
  await pool.end();
  assert.deepEqual(
    (await readNotes(database.admin)).map(({ body }) => body),
    ['first', 'second'],
  );
});

test('the parenthesised body of a rule is left as it is', async () => {
  const body = `do also (insert into notes (body) values ('1'); notify x; insert into notes (body) values ('2'))`;
  await database.admin.query('create table ruled (x int)');
  await as('A', () => pool.query(`create rule r as on update to ruled ${body}`));
  await pool.end();
  const { rows } = await database.admin.query(
    `select pg_get_ruledef(oid) as rule from pg_rewrite where rulename = 'r'`,
  );
  assert.doesNotMatch(rows[0].rule, /threadline/);
});

test('functions of the user named like a built-in one are attributed', async () => {
  await database.admin.query(`create function log(m text) returns void language sql as $$ insert into notes (body) values (m) $$;
    create function "ins😀"(m text) returns void language sql as $$ insert into notes (body) values (m) $$`);
  await as('A', () => pool.query('select log($1)', ['log']));
  await as('A', () => pool.query(`select ins😀('emoji')`));
  await pool.end();
  assert.deepEqual(await written(), ['log by A', 'emoji by A']);
});

test('a parameter without a value fails as without the adapter', async () => {
  const text = 'insert into notes (body) values ($1)';
  const bare = await database.admin.query(text).catch((error: unknown) => ({ ...(error as object) }));
  const wrapped = await as('A', () => pool.query(text)).catch((error: unknown) => ({ ...(error as object) }));
  await pool.end();
  assert.deepEqual(wrapped, bare);
});

test('the listeners of acquire are not the releaser', async () => {
  const seen: unknown[] = [];
  const first = await as('A', () => pool.connect());
  pool.on('acquire', () => seen.push(who()));
  const second = as('B', () => pool.connect());
  as('A', () => first.release());
  (await second).release();
  await pool.end();
  assert.deepEqual(seen, [undefined]);
});

describe('callbacks run in the context of the call', () => {
  test('of pool.query, on a lost connection', async () => {
    let client: pg.PoolClient | undefined;
    pool.on('connect', (made) => (client = made));
    await pool.query('select 1');
    const seen = await new Promise((resolve) => {
      as('A', () => pool.query('select pg_sleep(9)', () => resolve(who())));
      setTimeout(() => Reflect.get(Object(client), 'connection').stream.destroy(), 200);
    });
    await pool.end();
    assert.equal(seen, 'A');
  });

  test('of end', async () => {
    assert.equal(await new Promise((resolve) => as('A', () => pool.end(() => resolve(who())))), 'A');
    const client = wrapClient(new pg.Client({ connectionString: database.url }));
    await client.connect();
    assert.equal(await new Promise((resolve) => as('A', () => client.end(() => resolve(who())))), 'A');
  });
});

const INSTALLED = '/usr/lib/postgresql/15';
test('a DO that fails behind its first COMMIT runs once', {
  skip: !existsSync(INSTALLED) && 'it takes a server before 18 (Debian: postgresql-15)',
}, async () => {
  const settings = { shared_preload_libraries: '' };
  const server = await startPostgresServer({ installation: INSTALLED, settings });
  const own = wrapPool(new pg.Pool({ connectionString: server.url('postgres'), max: 1 }));
  own.on('error', () => {});
  try {
    await own.query('create table t (x text)');
    const text = `do $$ begin insert into t values ('once'); commit;
      begin commit; exception when division_by_zero then null; end; end $$`;
    await assert.rejects(
      as('A', () => own.query(text)),
      { code: '2D000' },
    );
    assert.equal((await own.query('select from t')).rowCount, 1);
    // Wrapped when the server's version has been told already.
    const late = new pg.Client({ connectionString: server.url('postgres') });
    await late.connect();
    await assert.rejects(
      as('A', () => wrapClient(late).query(text)),
      { code: '2D000' },
    );
    await late.end();
    assert.equal((await own.query('select from t')).rowCount, 2);
  } finally {
    await own.end();
    await pool.end();
    await server.stop();
  }
});
