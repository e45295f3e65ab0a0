import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { installTriggers } from '../../src/sql/index.ts';
import type { TestDatabase } from '../support/database.ts';
import { assertReplays } from '../support/replay.ts';
import { auditedDatabase, changesOf } from './audited.ts';

let database: TestDatabase;
let version = 0;
before(async () => {
  database = await auditedDatabase();
  const { rows } = await database.admin.query(`select current_setting('server_version_num')::int as number`);
  version = rows[0].number;
});

/** A way to write: its tables, the statements, and what they leave in the log of each table after its first two rows. */
interface Way {
  readonly what: string;
  readonly tables?: string;
  readonly statements: string;
  readonly recorded: readonly string[];
  readonly recordedBeside?: readonly string[];
  /** ON CONFLICT does not take one, which is why the others have none. */
  readonly hasDeferrableKey?: boolean;
  /** The server version that it came with, as server_version_num. */
  readonly since?: number;
}

const WAYS: readonly Way[] = [
  {
    what: 'UPDATE … FROM and DELETE … USING, which join',
    statements: `update items i set n = v.n from (values (1, 5), (1, 6), (2, 7)) v (id, n) where v.id = i.id and v.n <> 6;
      delete from items i using beside b where b.id = i.id and i.id = 2`,
    recorded: ['update 1', 'update 2', 'delete 2'],
  },
  {
    what: 'an upsert of many rows, in both arms',
    statements: `insert into items select g, g from generate_series(1, 3) g on conflict (id) do update set n = 50 + excluded.n`,
    recorded: ['update 1', 'update 2', 'insert 3'],
  },
  {
    what: 'MERGE, with all of its arms',
    since: 150_000,
    statements: `merge into items i using (values (1, 9), (2, null), (3, 9)) v (id, n) on i.id = v.id
      when matched and v.n is null then delete when matched then update set n = v.n when not matched then insert values (v.id, v.n)`,
    recorded: ['update 1', 'delete 2', 'insert 3'],
  },
  {
    what: 'a swap of keys in one statement',
    statements: `update items set id = 3 - id`,
    hasDeferrableKey: true,
    recorded: ['update 2', 'update 1'],
  },
  {
    what: 'several writes in one statement, to one table and to two',
    statements: `with moved as (delete from items where id = 1 returning *), changed as (update items set n = 8 where id = 2)
      insert into beside select id + 10, n from moved; `,
    recorded: ['delete 1', 'update 2'],
    recordedBeside: ['insert 11'],
  },
  {
    what: 'a view that PostgreSQL makes writable, with a check',
    tables: `create view :seen as select id, n from :items where n < 100 with check option`,
    statements: `insert into seen values (3, 3); update seen set n = n + 1 where id = 3; delete from seen where id = 3`,
    recorded: ['insert 3', 'update 3', 'delete 3'],
  },
  {
    what: 'a view with INSTEAD OF triggers',
    tables: `create view :seen as select id from :items;
      create function :instead() returns trigger language plpgsql as $$ begin
        insert into :items values (new.id, -1); return new; end $$;
      create trigger instead instead of insert on :seen for each row execute function :instead()`,
    statements: `insert into seen values (3), (4)`,
    recorded: ['insert 3', 'insert 4'],
  },
  {
    what: 'rules, which write instead and also',
    tables: `create rule instead as on delete to :items do instead update :items set n = null where id = old.id;
      create rule also as on insert to :items do also insert into :beside values (new.id + 100, new.n)`,
    statements: `delete from items where id = 1; insert into items values (3, 3)`,
    recorded: ['update 1', 'insert 3'],
    recordedBeside: ['insert 103'],
  },
  {
    what: 'cascades of a foreign key, SET NULL and SET DEFAULT',
    tables: `create table :children (id int primary key, nulled int references :items on delete set null on update cascade,
        defaulted int default 1 references :items on delete set default);
      insert into :children values (1, 2, 2)`,
    statements: `update items set id = 20 where id = 1; insert into items values (1, 0); delete from children; delete from items where id = 2`,
    recorded: ['update 20', 'insert 1', 'delete 2'],
  },
  {
    what: 'a deferred constraint, which COMMIT refuses or takes',
    tables: `create table :children (id int primary key, item int references :items deferrable initially deferred)`,
    statements: `begin; insert into children values (1, 7); insert into items values (7, 7); commit;
      begin; delete from items where id = 7; insert into items values (7, 8); commit`,
    recorded: ['insert 7', 'delete 7', 'insert 7'],
  },
  {
    what: 'a function, a DO block and a procedure that commits midway',
    tables: `create function :raise(amount int) returns void language sql as 'update :items set n = n + amount where id = 1';
      create procedure :twice() language plpgsql as $$ begin
        update :items set n = 0; commit; update :items set n = 1 where id = 2; rollback; delete from :items where id = 2; end $$`,
    statements: `select raise(4); do $$ begin perform raise(1); exception when others then null; end $$; call twice()`,
    recorded: ['update 1', 'update 1', 'update 2', 'update 1', 'delete 2'],
  },
  {
    what: 'savepoints that are rolled back, released and failed',
    statements: `begin; savepoint a; delete from items; rollback to a; update items set n = 5 where id = 1;
      savepoint b; update items set n = 6 where id = 2; release b; commit;
      do $$ begin begin insert into items values (9, 9), (9, 9); exception when unique_violation then null; end; end $$`,
    recorded: ['update 1', 'update 2'],
  },
  {
    what: 'triggers of the user that change the row, drop it, and write elsewhere',
    tables: `create function :before() returns trigger language plpgsql as $$ begin
        if new.n = 13 then return null; end if; new.n := coalesce(new.n, 0) * 2; return new; end $$;
      create trigger changes before insert or update on :items for each row execute function :before();
      create function :after() returns trigger language plpgsql as $$ begin
        insert into :beside values (new.id + 1000, new.n) on conflict (id) do update set n = excluded.n; return null; end $$;
      create trigger writes after insert on :items for each row execute function :after()`,
    statements: `insert into items values (3, 4), (4, 13); update items set n = 13 where id = 1; update items set n = 7 where id = 2`,
    recorded: ['insert 3', 'update 2'],
    recordedBeside: ['insert 1003'],
  },
  {
    what: 'COPY by the server, and INSERT … SELECT',
    statements: `copy items from program 'echo 5,5' (format csv); create temp table source as select 6 as id, 6 as n;
      insert into items select * from source`,
    recorded: ['insert 5', 'insert 6'],
  },
  {
    what: 'TRUNCATE, cascading to what refers to it',
    tables: `create table :children (id int primary key, item int references :items); insert into :children values (1, 1)`,
    statements: `truncate items cascade; insert into items values (1, 1)`,
    recorded: ['truncate', 'insert 1'],
  },
  {
    what: 'a cursor, by WHERE CURRENT OF',
    statements: `begin; declare c cursor for select * from items where id = 2 for update; fetch c;
      update items set n = 44 where current of c; commit`,
    recorded: ['update 2'],
  },
];

/** Writes each name of a way for the tables of the test: `:items` in definitions, `items` in statements. */
function named(text: string, prefix: string): string {
  return text
    .replaceAll(/:(\w+)(?=\W|$)/g, (match, name: string) => (/^\d/.test(name) ? match : `${prefix}${name}`))
    .replaceAll(/(?<![\w:])(items|beside|seen|children|raise|twice)(?=\W|$)/g, `${prefix}$1`);
}

for (const [
  index,
  { what, tables = '', statements, recorded, recordedBeside = [], hasDeferrableKey = false, since = 0 },
] of WAYS.entries()) {
  test(`what is written by ${what} is recorded exactly`, async (t) => {
    if (version < since) return t.skip(`PostgreSQL ${Math.floor(version / 10_000)} does not have it`);
    const prefix = `w${index}_`;
    await database.admin.query(
      `create table ${prefix}items (id int primary key ${hasDeferrableKey ? 'deferrable' : ''}, n int);
       create table ${prefix}beside (id int primary key, n int)`,
    );
    await installTriggers(database.admin, { tables: [`${prefix}items`, `${prefix}beside`] });
    await database.admin.query(
      named('insert into :items values (1, 1), (2, 2); insert into :beside values (2, 2)', prefix),
    );
    await database.admin.query(named(tables, prefix));
    const client = await database.admin.connect();
    try {
      for (const statement of split(named(statements, prefix))) await client.query(statement);
    } finally {
      client.release();
    }
    assert.deepEqual(await recordedOf(`${prefix}items`, 2), recorded);
    assert.deepEqual(await recordedOf(`${prefix}beside`, 1), recordedBeside);
    await assertReplays(database.admin, `${prefix}items`);
    await assertReplays(database.admin, `${prefix}beside`);
  });
}

/** The statements of a text, one by one, as a client sends them: those within $$ are whole. */
function split(text: string): readonly string[] {
  return text.split(/;(?=(?:[^$]*\$\$[^$]*\$\$)*[^$]*$)/).filter((statement) => statement.trim() !== '');
}

/** What the log of a table has, but for what it began with: each operation with the key. */
async function recordedOf(table: string, from: number): Promise<readonly string[]> {
  const changes = (await changesOf(database.admin, table)).slice(from);
  return changes.map(({ op, table_pk }) => [op, ...Object.values(table_pk ?? {})].join(' '));
}

test('what another server writes through postgres_fdw, with its bare search path, is recorded, and by whom', async () => {
  const { admin, host, port, url } = database;
  await admin.query(`create table remote_items (id int primary key, n int, at timestamptz, amount numeric)`);
  await installTriggers(admin, { tables: ['remote_items'] });
  await admin.query(`create extension postgres_fdw;
    create server loopback foreign data wrapper postgres_fdw options (host '${host}', port '${port}', dbname '${database.name}');
    create user mapping for current_user server loopback options (user '${new URL(url).username || 'postgres'}', password_required 'false');
    create foreign table far_items (id int, n int, at timestamptz, amount numeric) server loopback options (table_name 'remote_items')`);
  await admin.query(`insert into far_items select g, g, '2026-01-01 12:00:00+00', 1.50 from generate_series(1, 3) g`);
  await admin.query(`update far_items set n = 10 + random()::int where id = 1; update far_items set amount = 2.0 where id = 2;
    delete from far_items where id = 3`);
  assert.deepEqual(await recordedOf('remote_items', 0), [
    'insert 1',
    'insert 2',
    'insert 3',
    'update 1',
    'update 2',
    'delete 3',
  ]);
  const [{ data_after } = { data_after: undefined }] = await changesOf(admin, 'remote_items');
  assert.deepEqual(data_after, { id: 1, n: 1, at: '2026-01-01T12:00:00+00:00', amount: 1.5 });
  const { rows } = await admin.query(`select distinct t.application_name from threadline.audit_transactions t
    join threadline.audit_changes c on c.transaction_id = t.id where c.table_name = 'remote_items'`);
  assert.deepEqual(rows, [{ application_name: 'postgres_fdw' }]);
  await assertReplays(admin, 'remote_items');
});
