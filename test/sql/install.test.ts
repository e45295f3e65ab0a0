import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { PGlite } from '@electric-sql/pglite';
import knex from 'knex';
import pg from 'pg';
import postgres from 'postgres';
import { toExecutor } from '../../src/core/executor.ts';
import { isThreadlineError } from '../../src/index.ts';
import { install, installSql, installTriggers, SCHEMA_VERSION } from '../../src/sql/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { catalogOf } from './catalog.ts';
import { definitionsOf, listingOf, onConnection } from './installing.ts';

const run = promisify(execFile);

async function changesRecorded(pool: pg.Pool, schema = 'threadline'): Promise<number> {
  const { rows } = await pool.query(`select count(*)::int as count from ${pg.escapeIdentifier(schema)}.audit_changes`);
  return rows[0].count;
}

test('an empty database gets the schema, and install() says which version', async () => {
  const { admin } = await createTestDatabase();
  const { schema, version } = await install(admin);
  assert.deepEqual({ schema, version }, { schema: 'threadline', version: SCHEMA_VERSION });
  const { rows } = await admin.query('select version from threadline.migrations order by version');
  assert.deepEqual(
    rows,
    Array.from({ length: SCHEMA_VERSION }, (_, index) => ({ version: index + 1 })),
  );
});

test('installing again changes nothing in the catalog, also with tables audited', async () => {
  const { admin } = await createTestDatabase();
  await install(admin);
  await admin.query('create table users (id int primary key)');
  await installTriggers(admin, { tables: ['users'] });
  const before = await catalogOf(admin);
  await install(admin);
  assert.deepEqual(await catalogOf(admin), before);
});

const SNAPSHOT = new URL('schema.snapshot.txt', import.meta.url);

test('a fresh installation is what the committed listing says', async () => {
  const { admin } = await createTestDatabase();
  await install(admin);
  const listing = await listingOf(admin);
  if (process.env['THREADLINE_UPDATE_SNAPSHOT'] === '1') await writeFile(SNAPSHOT, listing);
  assert.deepEqual(
    listing.split('\n'),
    (await readFile(SNAPSHOT, 'utf8')).split('\n'),
    'The schema is not what test/sql/schema.snapshot.txt says. Where the change is meant, run this file with THREADLINE_UPDATE_SNAPSHOT=1, read the diff and commit it',
  );
});

const CONFLICTS: readonly (readonly [what: string, ddl: string, sqlState: string])[] = [
  ['a table of a name that it needs', 'create table threadline.migrations (id int)', '42P07'],
  [
    'a function of a name that it needs, with another result',
    'create function threadline.wanted_triggers(target regclass, capture text, options jsonb) returns int language sql return 1',
    '42P13',
  ],
];

for (const [what, ddl, sqlState] of CONFLICTS) {
  test(`where the schema holds ${what}, it fails and leaves nothing behind`, async () => {
    const { admin } = await createTestDatabase();
    await admin.query(`create schema threadline; ${ddl}`);
    const before = await catalogOf(admin);
    await assert.rejects(install(admin), { code: sqlState });
    assert.deepEqual(await catalogOf(admin), before);
  });
}

/** Runs `use` with a connection of a new role that is no superuser and owns nothing. */
async function asOrdinaryRole(database: TestDatabase, use: (client: pg.Client, role: string) => Promise<void>) {
  const role = `installer_of_${database.name}`;
  await database.admin.query(`create role ${role} login`);
  const url = new URL(database.url);
  url.username = role;
  const client = new pg.Client({ connectionString: url.href });
  try {
    await client.connect();
    await use(client, role);
  } finally {
    await client.end();
    await database.admin.query(`drop owned by ${role} cascade; drop role ${role}`);
  }
}

test('a role that may not create a schema is refused by the database, and leaves nothing behind', async () => {
  const database = await createTestDatabase();
  await asOrdinaryRole(database, async (client) => {
    const before = await catalogOf(database.admin);
    await assert.rejects(install(client), { code: '42501' });
    assert.deepEqual(await catalogOf(database.admin), before);
  });
});

test('a role that may create schemas needs no more than that to install, and to audit tables of its own', async () => {
  const database = await createTestDatabase();
  await asOrdinaryRole(database, async (client, role) => {
    await database.admin.query(
      `grant create on database ${database.name} to ${role}; grant create on schema public to ${role}`,
    );
    await install(client);
    await client.query('create table users (id int primary key)');
    await installTriggers(client, { tables: ['users'] });
    await client.query('insert into users values (1)');
    assert.equal(await changesRecorded(database.admin), 1);
    const before = await catalogOf(database.admin);
    await install(client);
    assert.deepEqual(await catalogOf(database.admin), before);
  });
});

for (const isolation of ['read committed', 'repeatable read', 'serializable']) {
  test(`twenty connections that install at once under ${isolation} all succeed`, async () => {
    const { url, admin } = await createTestDatabase();
    await admin.query('create table users (id int primary key)');
    const options = `-c default_transaction_isolation=${isolation.replace(' ', '\\ ')}`;
    const clients = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const client = new pg.Client({ connectionString: url, options });
        await client.connect();
        return client;
      }),
    );
    try {
      const done = await Promise.all(
        clients.map(async (client) => {
          const installed = await install(client);
          await installTriggers(client, { tables: ['users'] });
          return installed.version;
        }),
      );
      assert.deepEqual(done, Array(20).fill(SCHEMA_VERSION));
    } finally {
      await Promise.all(clients.map((client) => client.end()));
    }
    assert.deepEqual((await admin.query('select count(*)::int as count from threadline.migrations')).rows, [
      { count: SCHEMA_VERSION },
    ]);
    await admin.query('insert into users values (1)');
    assert.equal(await changesRecorded(admin), 1);
  });
}

test('four processes with five connections each that install at once all succeed', async () => {
  const { url, admin } = await createTestDatabase();
  const program = `
    import pg from 'pg';
    import { install } from ${JSON.stringify(new URL('../../src/sql/index.ts', import.meta.url).href)};
    const clients = Array.from({ length: 5 }, () => new pg.Client({ connectionString: process.argv[1] }));
    await Promise.all(clients.map((client) => client.connect()));
    await Promise.all(clients.map(async (client) => {
      await client.query('select pg_advisory_lock_shared(1)');
      console.log((await install(client)).version);
      await client.end();
    }));`;
  await onConnection(admin, async (gate) => {
    await gate.query('select pg_advisory_lock(1)');
    const processes = Array.from({ length: 4 }, () =>
      run(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', program, url]),
    );
    const waiting = `select from pg_locks where locktype = 'advisory' and not granted
      and database = (select oid from pg_database where datname = current_database())`;
    // A process that fails before it waits ends the test.
    const failed = Promise.all(processes).then(() => assert.fail('the gate was not locked'));
    while ((await Promise.race([gate.query(waiting), failed])).rows.length < 20) await setTimeout(20);
    await gate.query('select pg_advisory_unlock(1)');
    failed.catch(() => {});
    const versions = (await Promise.all(processes)).flatMap(({ stdout }) => stdout.trim().split('\n'));
    assert.deepEqual(versions, Array(20).fill(String(SCHEMA_VERSION)));
  });
  assert.equal(await listingOf(admin), await readFile(SNAPSHOT, 'utf8'));
});

for (const isolation of ['repeatable read', 'serializable']) {
  test(`a ${isolation} transaction that began before another's installation finds that installation`, async () => {
    const { admin } = await createTestDatabase();
    await onConnection(admin, async (client) => {
      await client.query(`begin isolation level ${isolation}; select 1 from pg_catalog.pg_class limit 1`);
      await install(admin);
      const before = await catalogOf(admin);
      assert.equal((await install(client)).version, SCHEMA_VERSION);
      await client.query('commit');
      assert.deepEqual(await catalogOf(admin), before);
    });
  });
}

test('inside a transaction of the caller it is part of that transaction, and leaves its settings as they were', async () => {
  const { admin } = await createTestDatabase();
  await onConnection(admin, async (client) => {
    await client.query(`begin; set local search_path = "My Path", public; set local check_function_bodies = on`);
    await install(client);
    const { rows } = await client.query(
      `select current_setting('search_path') as path, current_setting('check_function_bodies') as checked`,
    );
    assert.deepEqual(rows, [{ path: '"My Path", public', checked: 'on' }]);
    await client.query('rollback');
    assert.deepEqual((await client.query(`select to_regnamespace('threadline') as schema`)).rows, [{ schema: null }]);
  });
});

const PSQL = ['/usr/bin/psql', '/usr/local/bin/psql', '/opt/homebrew/bin/psql'].find((path) => existsSync(path));

test('the text of installSql() installs from psql, with and without a transaction around it, what install() does', {
  skip: PSQL === undefined && 'psql is not installed',
}, async () => {
  const [reference, byHand] = [await createTestDatabase(), await createTestDatabase()];
  await install(reference.admin);
  const expected = await definitionsOf(reference.admin);
  const file = join(tmpdir(), `threadline-install-${process.pid}.sql`);
  await writeFile(file, installSql());
  for (const flag of ['--set=AUTOCOMMIT=on', '--single-transaction', '--set=AUTOCOMMIT=on']) {
    await run(PSQL ?? '', ['--no-psqlrc', '--set=ON_ERROR_STOP=1', flag, `--file=${file}`, byHand.url]);
    assert.equal(await definitionsOf(byHand.admin), expected);
  }
  const before = await catalogOf(byHand.admin);
  assert.equal((await install(byHand.admin)).version, SCHEMA_VERSION);
  assert.deepEqual(await catalogOf(byHand.admin), before);
});

test('the text of installSql() beside other statements of a migration is part of their transaction', async () => {
  const { admin } = await createTestDatabase();
  const before = await catalogOf(admin);
  await assert.rejects(admin.query(`create table first (id int); ${installSql()} select 1 / 0`), { code: '22012' });
  assert.deepEqual(await catalogOf(admin), before);
  await admin.query(`create table first (id int); ${installSql()} create table last (id int)`);
  assert.equal(await listingOf(admin), await readFile(SNAPSHOT, 'utf8'));
});

for (const schema of ['Audit Log', 'it\'s "quoted"', 'back\\slash', 'ünï😀', 'x'.repeat(63), 'select', 'a%sb']) {
  test(`everything works in a schema named ${schema}`, async () => {
    const { admin } = await createTestDatabase();
    await install(admin, { schema });
    await admin.query('create table users (id int primary key, j json, at timestamptz)');
    await installTriggers(admin, { tables: ['users'], schema });
    await admin.query(
      `insert into users values (1, '{"a":"\\u0000"}', now()); update users set id = 2; truncate users`,
    );
    await admin.query(`select ${pg.escapeIdentifier(schema)}.record_action('done')`);
    assert.equal(await changesRecorded(admin, schema), 3);
    const before = await catalogOf(admin);
    assert.equal((await install(admin, { schema })).schema, schema);
    await installTriggers(admin, { tables: ['users'], schema });
    assert.deepEqual(await catalogOf(admin), before);
  });
}

test('two schemas live side by side, each with the changes of its own tables', async () => {
  const { admin } = await createTestDatabase();
  for (const schema of ['threadline', 'Second "one"']) await install(admin, { schema });
  await admin.query('create table users (id int primary key); create table orders (id int primary key)');
  await installTriggers(admin, { tables: ['users'] });
  await installTriggers(admin, { tables: ['orders'], schema: 'Second "one"' });
  for (const id of [1, 2]) await admin.query(`insert into users values (${id}); insert into orders values (${id})`);
  for (const [schema, table] of [
    ['threadline', 'users'],
    ['Second "one"', 'orders'],
  ] as const) {
    const own = pg.escapeIdentifier(schema);
    const { rows } = await admin.query(
      `select c.table_name, c.table_pk from ${own}.audit_changes c join ${own}.audit_transactions t on t.id = c.transaction_id
       order by c.id`,
    );
    assert.deepEqual(
      rows,
      [1, 2].map((id) => ({ table_name: table, table_pk: { id } })),
    );
  }
});

test('a schema that was dropped with all that depends on it leaves writes alone, and can be installed anew', async () => {
  const { admin } = await createTestDatabase();
  await admin.query('create table users (id int primary key)');
  for (const id of [1, 2]) {
    await install(admin);
    await installTriggers(admin, { tables: ['users'] });
    await admin.query(`insert into users values (${id})`);
    assert.equal(await changesRecorded(admin), 1);
    await admin.query(`drop schema threadline cascade; insert into users values (${-id})`);
  }
});

test('a table that one schema audits is refused by another, instead of being taken over', async () => {
  const { admin } = await createTestDatabase();
  await install(admin);
  await install(admin, { schema: 'second' });
  await admin.query(`create table users (id int primary key); create table above (id int); create table below () inherits (above);
    create table parted (id int) partition by range (id)`);
  for (const table of ['users', 'above', 'below', 'parted']) {
    await installTriggers(admin, { tables: [table] });
    await assert.rejects(installTriggers(admin, { tables: [table], schema: 'second' }), {
      code: 'TL_TABLE_AUDITED_ELSEWHERE',
    });
  }
});

for (const schema of [
  '',
  'pg_audit',
  'x'.repeat(64),
  'é'.repeat(32),
  'a\u0000b',
  'a\nb',
  '$body$',
  7 as unknown as string,
]) {
  test(`a schema named ${JSON.stringify(schema)} is refused before anything is sent`, () => {
    assert.throws(() => installSql({ schema }), { code: 'TL_INSTALL_OPTIONS_INVALID' });
  });
}

test('an unknown option is refused by its name', async () => {
  const { admin } = await createTestDatabase();
  const before = await catalogOf(admin);
  await assert.rejects(install(admin, { shema: 'x' } as object), {
    code: 'TL_INSTALL_OPTIONS_INVALID',
    message: /shema/,
  });
  assert.throws(() => installSql({ shema: 'x' } as object), { code: 'TL_INSTALL_OPTIONS_INVALID' });
  assert.deepEqual(await catalogOf(admin), before);
});

test('a database that a newer Threadline has installed is refused, and not touched', async () => {
  const { admin } = await createTestDatabase();
  await install(admin);
  await admin.query(
    `create or replace function threadline.schema_version() returns integer language sql immutable as 'select ${SCHEMA_VERSION + 1}'`,
  );
  const before = await catalogOf(admin);
  await assert.rejects(install(admin), (error) => {
    assert.ok(isThreadlineError(error));
    assert.equal(error.code, 'TL_SCHEMA_NEWER');
    assert.equal((error.cause as { code: string }).code, 'TL001');
    return true;
  });
  assert.deepEqual(await catalogOf(admin), before);
});

test('an older installation gets the functions of the newer code, those of its audited tables included', async () => {
  const { admin } = await createTestDatabase();
  await install(admin);
  await admin.query('create table users (id int primary key)');
  await installTriggers(admin, { tables: ['users'] });
  await admin.query(`
    create or replace function threadline.functions_digest() returns text language sql immutable as 'select ''old''::text';
    create or replace function threadline.capture_public_users() returns trigger language plpgsql as 'begin return null; end';
    grant execute on function threadline.record_action to public`);
  await install(admin);
  await admin.query('insert into users values (1)');
  assert.equal(await changesRecorded(admin), 1);
  const { rows } = await admin.query(
    `select proacl::text like '%{=X/%' or proacl::text like '%,=X/%' as kept from pg_proc where proname = 'record_action'`,
  );
  assert.deepEqual(rows, [{ kept: true }]);
});

test('every function that is installed passes the checks that PostgreSQL makes at its creation', async () => {
  const { admin } = await createTestDatabase();
  await install(admin);
  const { rows } = await admin.query(
    `select pg_get_functiondef(p.oid) as definition from pg_proc p where p.pronamespace = 'threadline'::regnamespace`,
  );
  assert.ok(rows.length > 15);
  for (const { definition } of rows) await admin.query(`set check_function_bodies = on; ${definition}`);
});

test('the committed module holds the SQL files as they are', async () => {
  await run(process.execPath, ['--import', 'tsx', 'scripts/generate-sql-assets.ts', '--check']);
});

const HANDLES: readonly (readonly [
  string,
  (database: TestDatabase, use: (db: Parameters<typeof install>[0]) => Promise<void>) => Promise<void>,
])[] = [
  [
    'a pg Client',
    async ({ url }, use) => {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      await use(client).finally(() => client.end());
    },
  ],
  [
    'a postgres.js sql',
    async ({ url }, use) => {
      const sql = postgres(url, { onnotice: () => {} });
      await use(sql).finally(() => sql.end());
    },
  ],
  ['a pg Pool', async ({ admin }, use) => use(admin)],
  [
    'a Knex instance',
    async ({ url }, use) => {
      const db = knex({ client: 'pg', connection: url });
      await use(db).finally(() => db.destroy());
    },
  ],
  [
    'a PGlite',
    async (_database, use) => {
      const db = await PGlite.create();
      await use(db).finally(() => db.close());
    },
  ],
];

// Every sign that a driver could take for a parameter of its own.
const TABLE = '"is it? $1 :id ?? :a: ~b~"';

for (const [what, withHandle] of HANDLES) {
  test(`it installs through ${what}, again without effect, audits, and names errors`, async () => {
    await withHandle(await createTestDatabase(), async (db) => {
      for (const _round of [1, 2]) assert.equal((await install(db)).version, SCHEMA_VERSION);
      const executor = toExecutor(db);
      await executor.script(`create table ${TABLE} (id int primary key)`);
      for (const _round of [1, 2]) await installTriggers(db, { tables: [TABLE] });
      await executor.script(`insert into ${TABLE} values (7)`);
      assert.deepEqual(
        await executor.query('select table_name, table_pk::text as key from threadline.audit_changes', []),
        [{ table_name: TABLE.slice(1, -1), key: '{"id": 7}' }],
      );
      await assert.rejects(installTriggers(db, { tables: ['missing$1_'] }), { code: 'TL_TABLE_NOT_FOUND' });
    });
  });
}
