import assert from 'node:assert/strict';
import { connect, createServer, type Server, Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { after, before, beforeEach, describe, test } from 'node:test';
import postgres from 'postgres';
import { wrapPostgres } from '../../../src/adapters/postgres/index.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { as, quiet } from './shapes.ts';

let database: TestDatabase;

before(async () => {
  database = await createTestDatabase();
  await database.admin.query(`
    create table seen (who text, flag boolean, doc jsonb, bin bytea);
    create procedure keep(who text, flag boolean, doc jsonb, bin bytea) language plpgsql as $$ begin
      insert into seen values (who, flag, doc, bin); commit; end $$;
    create procedure maybe(who text, now text) language plpgsql as $$ begin
      insert into seen values (who); if now = 'yes' then commit; end if; end $$;
    create procedure halves(who text) language plpgsql as $$ begin
      insert into seen values (who); commit;
      begin commit; exception when unique_violation then null; end; end $$;
    create function forget() returns void language plpgsql as $$ begin execute 'deallocate all'; end $$`);
});
beforeEach(() => database.admin.query('truncate seen'));

const rows = async () =>
  (await database.admin.query(`select flag, doc, convert_from(bin, 'utf8') as bin from seen where flag is not null`))
    .rows;
const WRITTEN = [{ flag: true, doc: { a: 1 }, bin: 'hi' }];

describe('what goes out once more is what the user wrote', () => {
  test('the values of a CALL that commits', async () => {
    const sql = wrapPostgres(postgres(database.url, quiet({ max: 1 })));
    await as('A', () => sql`call keep('x', ${true}, ${sql.json({ a: 1 })}, ${Buffer.from('hi')})`);
    await sql.end();
    assert.deepEqual(await rows(), WRITTEN);
  });

  test('the values of a statement whose settings the server has forgotten', async () => {
    const sql = wrapPostgres(postgres(database.url, quiet({ max: 1 })));
    await as('A', async () => {
      for (let time = 0; time < 4; time += 1) await sql`insert into seen (who) values (${'warm'})`;
      await sql.unsafe('select forget()');
      await sql.unsafe('insert into seen values ($1, $2, $3, $4)', ['x', true, { a: 1 }, Buffer.from('hi')] as never);
    });
    await sql.end();
    assert.deepEqual(await rows(), WRITTEN);
  });

  for (const [name, text] of Object.entries({
    CALL: "call maybe('costs $10', 'yes')",
    DO: "do $$ begin execute 'insert into seen values ($1)' using 'x'; commit; end $$",
  }))
    test(`a ${name} that commits, with a dollar sign in a string`, async () => {
      const sql = wrapPostgres(postgres(database.url, quiet({ max: 1 })));
      await as('A', () => sql.unsafe(text));
      await sql.end();
      assert.equal((await database.admin.query('select from seen')).rowCount, 1);
    });
});

test('a DO that commits and what is sent right behind it get their own answers', async () => {
  const sql = wrapPostgres(postgres(database.url, quiet({ max: 1 })));
  const answers = await as('A', async () => {
    for (let time = 0; time < 3; time += 1) await sql`insert into seen (who) values (${'warm'})`;
    return Promise.all([
      sql`do $$ begin insert into seen values ('x'); commit; end $$`.then(({ command }) => command),
      sql`select ${'mine'}::text as whose`.then(([row]) => row?.['whose']),
    ]);
  });
  await sql.end();
  assert.deepEqual(answers, ['DO', 'mine']);
});

for (const [name, portions] of Object.entries({ iterator: false, callback: true }))
  test(`a CALL that commits, by a cursor with ${name}`, async () => {
    const sql = wrapPostgres(postgres(database.url, quiet({ max: 1 })));
    await as('A', async () => {
      const query = sql`call maybe(${name}, ${'yes'})`;
      if (portions) await query.cursor(5, () => {});
      else for await (const rows of query.cursor(5)) assert.deepEqual(rows, []);
      assert.equal((await sql`select ${'mine'}::text as whose`)[0]?.['whose'], 'mine');
    });
    await sql.end();
    assert.deepEqual((await database.admin.query('select who from seen')).rows, [{ who: name }]);
  });

test('a replication connection works as it is', async () => {
  const sql = wrapPostgres(
    postgres(database.url, quiet({ max: 1, fetch_types: false, connection: { replication: 'database' } as never })),
  );
  await as('A', async () => {
    assert.equal((await sql.unsafe('IDENTIFY_SYSTEM')).length, 1);
    await sql.unsafe(`insert into seen (who) values ('x')`);
  });
  await sql.end();
  assert.equal((await database.admin.query('select from seen')).rowCount, 1);
});

test('nothing runs twice when a part was committed', async () => {
  const sql = wrapPostgres(postgres(database.url, quiet({ max: 1 })));
  // Each of them fails in the bare driver, too.
  await assert.rejects(
    as('A', () => sql`call halves(${'x'})`),
    { code: '2D000' },
  );
  await sql.end();
  assert.equal((await database.admin.query('select from seen')).rowCount, 1);
});

describe('far away from the server', () => {
  let proxy: Server;
  let url: URL;

  before(async () => {
    proxy = createServer((client) => {
      const server = connect(database.port, database.host);
      for (const [from, to] of [
        [client, server],
        [server, client],
      ] as const) {
        from.on('data', (bytes) => setTimeout(() => to.write(bytes), 5));
        from.on('close', () => setTimeout(() => to.destroy(), 10));
        from.on('error', () => {});
      }
    });
    await new Promise<void>((resolve) => proxy.listen(0, resolve));
    url = new URL(database.url);
    url.hostname = '127.0.0.1';
    url.port = String((proxy.address() as { port: number }).port);
  });
  after(() => proxy.close());

  test('a CALL that goes out once more takes nobody the answers', async () => {
    const sql = wrapPostgres(postgres(url.href, quiet({ max: 1 })));
    const read = async (n: number) => (await sql`select ${n}::int as n`)[0]?.['n'];
    await as('A', async () => {
      for (let time = 0; time < 4; time += 1) await Promise.all([sql`call maybe(${'x'}, ${'no'})`, read(time)]);
      await sql`call maybe(${'x'}, ${'no'})`;
      const answers: Promise<unknown>[] = [sql`call maybe(${'x'}, ${'yes'})`.then((result) => result.length)];
      for (let n = 1; n < 20; n += 1) {
        answers.push(read(n));
        await new Promise((resolve) => setTimeout(resolve, 3));
      }
      assert.deepEqual(await Promise.all(answers), [...Array(20).keys()]);
    });
    await sql.end();
  });
});

describe('whoever replaces the write of sockets', () => {
  for (const [name, prototype] of Object.entries({ 'net.Socket': Socket.prototype, Duplex: Duplex.prototype }))
    test(`of ${name} keeps that`, async () => {
      const own = Object.getOwnPropertyDescriptor(prototype, 'write');
      const { write } = prototype;
      const traced = function (this: Duplex, ...args: unknown[]): boolean {
        return Reflect.apply(write, this, args) as boolean;
      };
      prototype.write = traced as typeof write;
      try {
        const sql = wrapPostgres(postgres(database.url, quiet({ max: 1 })));
        assert.equal((await sql`select 1 as x`)[0]?.['x'], 1);
        await sql.end();
        assert.equal(prototype.write, traced);
      } finally {
        if (own) Object.defineProperty(prototype, 'write', own);
        else Reflect.deleteProperty(prototype, 'write');
      }
    });
});

test('the actions of a rule stay as they were written', async () => {
  const sql = wrapPostgres(postgres(database.url, quiet({ max: 1 })));
  await database.admin.query('create table ruled (a int); create table logged (a int)');
  await as('A', () =>
    sql.unsafe(
      'create rule r as on insert to ruled do also (insert into logged values (1); notify n; insert into logged values (2))',
    ),
  );
  await sql.end();
  const { rows } = await database.admin.query(
    `select pg_get_ruledef(oid) as rule from pg_rewrite where rulename = 'r'`,
  );
  assert.doesNotMatch(rows[0].rule, /threadline/);
});
