import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { history, timeline } from '../../src/index.ts';
import { install, installTriggers, verify } from '../../src/sql/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { assertReplays } from '../support/replay.ts';
import { audit, auditedDatabase, changesOf, withoutEventTriggers } from './audited.ts';
import { onConnection } from './installing.ts';

let database: TestDatabase;
before(async () => {
  database = await auditedDatabase();
});

const query = (text: string) => database.admin.query(text);

async function bodyOf(table: string): Promise<string> {
  const { rows } = await query(
    `select p.prosrc as body from threadline.audited_tables a join pg_proc p on p.oid = a.capture where a.relation = '${table}'::regclass`,
  );
  return rows[0].body;
}

for (const [what, change, write, fields] of [
  ['added', 'add extra int', 'extra = 7', ['extra']],
  ['dropped', 'drop n', `note = 'x'`, ['note']],
  ['renamed', 'rename n to number', 'number = 7', ['number']],
  ['retyped', `alter n type text using n || '.'`, `n = '7'`, ['n']],
] as const) {
  const table = `column_${what}`;
  test(`a column that is ${what} is covered by the very next write, in the same transaction too`, async () => {
    await audit(database.admin, table, `create table ${table} (id int primary key, n int, note text)`);
    const former = await bodyOf(table);
    await query(`insert into ${table} values (1, 1, '')`);
    await query(`begin; alter table ${table} ${change}; update ${table} set ${write}; commit`);
    const changes = await changesOf(database.admin, table);
    assert.deepEqual(changes.at(-1)?.changed_fields, fields);
    if (what !== 'retyped') assert.notEqual(await bodyOf(table), former);
  });
}

test('a type that is renamed or moved, alone or with its schema, is followed by the tables that have it', async () => {
  await query(`create schema kinds; create type kinds.mood as enum ('a', 'b'); create type pair as (x int, y text);
    create domain label as text; create table moody (id int primary key, m kinds.mood, ms kinds.mood[], p pair, l label)`);
  await installTriggers(database.admin, { tables: ['moody'] });
  for (const change of [
    'alter type kinds.mood rename to feeling',
    'alter type pair rename to couple',
    'alter domain label rename to caption',
    'alter schema kinds rename to sorts',
    'alter domain caption set schema sorts',
  ]) {
    await query(change);
    const { findings } = await verify(database.admin, { tables: ['moody'] });
    assert.deepEqual(findings, [], change);
  }
});

test('a change of columns by a session whose replication role is replica is followed like any other', async () => {
  await audit(database.admin, 'aside', 'create table aside (id int primary key, n int)');
  await query(`begin; set local session_replication_role = replica; alter table aside add gone int;
    alter table aside drop gone; alter table aside add note text; commit`);
  await query(`insert into aside values (1, 1, 'a'); update aside set note = 'b'`);
  assert.deepEqual(
    (await changesOf(database.admin, 'aside')).map(({ changed_fields }) => changed_fields),
    [null, ['note']],
  );
});

test('a change of columns that is rolled back leaves the capture as it was', async () => {
  await audit(database.admin, 'undone', 'create table undone (id int primary key, n int)');
  const former = await bodyOf('undone');
  await query('begin; alter table undone drop n; rollback');
  assert.equal(await bodyOf('undone'), former);
});

test('the owner of a table who has no right on the log may change and rename it, and the audit follows', async () => {
  const migrator = `migrator_of_${database.name}`;
  await query(`create role ${migrator}; create schema own authorization ${migrator};
    set role ${migrator}; create table own.things (id int primary key); reset role`);
  await onConnection(database.admin, async (client) => {
    await installTriggers(client, { tables: ['own.things'] });
    const notices: string[] = [];
    client.on('notice', ({ message }) => notices.push(String(message)));
    await client.query(`set role ${migrator}; alter table own.things add note text; alter table own.things rename to items;
      insert into own.items values (1, 'a'); update own.items set note = 'b'; reset role`);
    assert.deepEqual(notices, []);
  });
  assert.match(await bodyOf('own.items'), /NEW\.note/);
  assert.deepEqual(
    (await changesOf(database.admin, 'items')).map(({ op, changed_fields }) => [op, changed_fields]),
    [
      ['insert', null],
      ['update', ['note']],
    ],
  );
});

test('a masked column that is renamed stays hidden, and the change succeeds with a warning', async () => {
  await query('create table hiding (id int primary key, ssn text, note text)');
  await installTriggers(database.admin, { tables: [{ table: 'hiding', mask: ['ssn'] }] });
  await onConnection(database.admin, async (client) => {
    const notices: string[] = [];
    client.on('notice', ({ message }) => notices.push(String(message)));
    await client.query('alter table hiding rename ssn to social');
    assert.match(notices.join(), /could not follow.*ssn/s);
    await client.query(`insert into hiding values (1, '078-05-1120', 'x'); update hiding set social = '1'`);
  });
  assert.doesNotMatch(JSON.stringify(await changesOf(database.admin, 'hiding')), /078|"1"/);
});

for (const hidden of ['mask', 'exclude'] as const)
  test(`a column of option ${hidden} stays hidden under a new name, whatever gets its former one`, async () => {
    for (const [table, ddl] of [
      [`replaced_${hidden}`, 'alter table $ rename ssn to old_ssn; alter table $ add ssn text'],
      [
        `swapped_${hidden}`,
        'alter table $ rename ssn to passing; alter table $ rename note to ssn; alter table $ rename passing to note',
      ],
    ] as const) {
      await query(`create table ${table} (id int primary key, ssn text, note text, n int)`);
      await installTriggers(database.admin, { tables: [{ table, [hidden]: ['ssn'], truncate: 'rows' }] });
      await query(`insert into ${table} values (1, '078-05-1120', 'x', 1)`);
      await query(`begin; ${ddl.replaceAll('$', table)}; commit`);
      const secret = table.startsWith('swapped') ? 'note' : 'old_ssn';
      await query(`update ${table} set ${secret} = '078-05-1121', n = 2; insert into ${table} (id, ${secret}, n) values (2, '078-05-1122', 3);
        alter table ${table} add later text; update ${table} set ${secret} = '078-05-1123', n = 4; delete from ${table} where id = 2; truncate ${table}`);
      const changes = await changesOf(database.admin, table);
      assert.doesNotMatch(JSON.stringify(changes), /078/, table);
      assert.equal(changes.length, 8);
      assert.equal(Object(changes[1]?.data_after).n, 2);
      await assert.rejects(installTriggers(database.admin, { tables: [table] }), { code: 'TL_TABLE_OPTIONS_INVALID' });
      await installTriggers(database.admin, { tables: [{ table, [hidden]: [secret] }] });
      await query(`insert into ${table} (id, ${secret}, ssn) values (3, '078-05-1124', 'seen')`);
      const last = (await changesOf(database.admin, table)).at(-1);
      assert.doesNotMatch(JSON.stringify(last), /078/);
      assert.match(JSON.stringify(last), /seen/);
    }
  });

test('a masked column stays hidden under a new name, and one with its former name too, where nothing follows', async () => {
  await query(`create table unfollowed (id int primary key, ssn text);
    create table unfollowed_parts (id int primary key, ssn text) partition by range (id);
    create table unfollowed_part partition of unfollowed_parts default`);
  const tables = ['unfollowed', 'unfollowed_parts'];
  await installTriggers(database.admin, { tables: tables.map((table) => ({ table, mask: ['ssn'] })) });
  await query('alter event trigger threadline disable');
  try {
    for (const table of tables) {
      await query(`alter table ${table} rename ssn to old_ssn; alter table ${table} add ssn text;
        insert into ${table} (id, old_ssn, ssn) values (1, '078-05-1120', '078-05-1121'); update ${table} set old_ssn = '078-05-1122'; delete from ${table}`);
      const changes = await changesOf(database.admin, table);
      assert.doesNotMatch(JSON.stringify(changes), /078/, table);
      assert.deepEqual(
        changes.map(({ op, table_pk }) => [op, table_pk]),
        [
          ['insert', { id: 1 }],
          ['update', { id: 1 }],
          ['delete', { id: 1 }],
        ],
      );
    }
  } finally {
    await query('alter event trigger threadline enable');
  }
});

test('a trigger that somebody disabled stays disabled when the table is changed', async () => {
  await audit(database.admin, 'switched', 'create table switched (id int primary key)');
  await query(
    'alter table switched disable trigger user; alter table switched add n int; insert into switched values (1)',
  );
  assert.deepEqual(await changesOf(database.admin, 'switched'), []);
});

test('a trigger of rows that comes later is followed: what it writes to its table is recorded after the row it is about', async () => {
  await audit(database.admin, 'echoing', 'create table echoing (id int primary key)');
  await query(`create function echo() returns trigger language plpgsql as
      'begin if new.id < 10 then insert into echoing values (new.id + 10); end if; return null; end';
    create trigger echo after insert on echoing for each row execute function echo();
    insert into echoing values (1), (2)`);
  assert.deepEqual(
    (await changesOf(database.admin, 'echoing')).map(({ table_pk }) => (table_pk as { id: number }).id),
    [1, 11, 2, 12],
  );
});

test('a renamed table keeps its history, through several names and schemas, and so does its replay', async () => {
  await audit(database.admin, 'first_name', 'create table first_name (id int primary key, n int)');
  await query(`insert into first_name values (1, 1); alter table first_name rename to "Second Name"; update "Second Name" set n = 2;
    create schema elsewhere; alter table "Second Name" set schema elsewhere; update elsewhere."Second Name" set n = 3;
    alter schema elsewhere rename to other; delete from other."Second Name"`);
  const table = { schema: 'other', name: 'Second Name' };
  const changes = await history(database.admin, { table, pk: 1 });
  assert.deepEqual(
    changes.map(({ op, table }) => [op, table.schema, table.name]),
    [
      ['delete', 'other', 'Second Name'],
      ['update', 'elsewhere', 'Second Name'],
      ['update', 'public', 'Second Name'],
      ['insert', 'public', 'first_name'],
    ],
  );
  assert.deepEqual(await timeline(database.admin, { table }), changes);
  assert.deepEqual(await timeline(database.admin, { table, actor: null }), changes);
  const [, second] = changes;
  assert.deepEqual(await timeline(database.admin, { table, limit: 1, cursor: second?.id }), changes.slice(2, 3));
  await assertReplays(database.admin, 'other."Second Name"');
  const { rows } = await query(
    `select meta from threadline.audit_actions where name = 'table.renamed' and meta ->> 'from' like '%first_name'`,
  );
  assert.deepEqual(rows, [{ meta: { from: 'public.first_name', to: 'public."Second Name"' } }]);
});

test('what others write while a schema is being renamed stays with the table', async () => {
  await audit(database.admin, 'busy.t', 'create schema busy; create table busy.t (id int primary key)');
  await onConnection(database.admin, async (client) => {
    await client.query('begin; alter schema busy rename to calm');
    await query('insert into busy.t values (1)');
    await client.query('commit');
  });
  await query('insert into calm.t values (2)');
  await assertReplays(database.admin, 'calm.t');
  // Until another table takes the former name.
  await audit(database.admin, 'busy.t', 'create schema busy; create table busy.t (id int primary key)');
  await query('insert into busy.t values (3)');
  for (const table of ['calm.t', 'busy.t']) await assertReplays(database.admin, table);
});

test('what others write while one transaction renames a schema and makes another of its name is of the table that it goes to', async () => {
  await query('create schema live; create table live.t (id int primary key)');
  await installTriggers(database.admin, { tables: ['live.t'] });
  const [deployment, writer] = [await database.admin.connect(), await database.admin.connect()];
  try {
    await deployment.query(
      'begin; alter schema live rename to retired; create schema live; create table live.t (id int primary key)',
    );
    await writer.query('begin; insert into live.t values (1)');
    const installed = deployment.query(`select * from threadline.install_triggers(array['live.t'])`);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await writer.query('commit');
    await installed;
    const written = writer.query('insert into live.t values (2)');
    await new Promise((resolve) => setTimeout(resolve, 200));
    await deployment.query('commit');
    await written;
  } finally {
    for (const client of [deployment, writer]) client.release();
  }
  for (const [table, id] of [
    ['retired.t', 1],
    ['live.t', 2],
  ] as const) {
    assert.deepEqual(
      (await timeline(database.admin, { table })).map(({ pk }) => pk),
      [{ id }],
    );
    await assertReplays(database.admin, table);
  }
});

test('a column of a typed table that is not to be seen stays hidden when ALTER TYPE gives its name to another', async () => {
  await query('create type shape as (id int, ssn text, note text); create table typed of shape (primary key (id))');
  await installTriggers(database.admin, { tables: [{ table: 'typed', mask: ['ssn'] }] });
  await query(`alter type shape rename attribute ssn to passing cascade; alter type shape rename attribute note to ssn cascade;
    alter type shape rename attribute passing to note cascade;
    insert into typed (id, note) values (1, '078-05-1120'); update typed set note = '078-05-1121'; delete from typed`);
  assert.doesNotMatch(JSON.stringify(await changesOf(database.admin, 'typed')), /078/);
});

test('a table that takes the former name of another has its own history only, also where the two change names', async () => {
  await audit(database.admin, 'left_one', 'create table left_one (id int primary key)');
  await audit(database.admin, 'right_one', 'create table right_one (id text primary key)');
  await query(`insert into left_one values (1); insert into right_one values ('1');
    begin; alter table left_one rename to passing; alter table right_one rename to left_one; alter table passing rename to right_one; commit;
    insert into left_one values ('2'); insert into right_one values (2)`);
  const keys = async (table: string) => (await timeline(database.admin, { table })).map(({ pk }) => pk?.['id']);
  assert.deepEqual(await keys('left_one'), ['2', '1']);
  assert.deepEqual(await keys('right_one'), [2, 1]);
  for (const table of ['left_one', 'right_one']) await assertReplays(database.admin, table);
});

test('a name that goes round in circles, and on to another table, tells each table its own rows at each time', async () => {
  for (const table of ['round', 'other'])
    await audit(database.admin, table, `create table ${table} (id int primary key)`);
  await query(`insert into round values (1); alter table round rename to trip; insert into trip values (2);
    alter table trip rename to round; insert into round values (3); alter table round rename to trip; insert into trip values (4);
    insert into other values (1); alter table other rename to round; insert into round values (2)`);
  await query(`alter table round rename to other; alter table trip rename to round; insert into round values (5); insert into other values (3);
    alter table round add n int`);
  for (const [table, ids] of [
    ['round', [5, 4, 3, 2, 1]],
    ['other', [3, 2, 1]],
  ] as const)
    assert.deepEqual(
      (await timeline(database.admin, { table })).map(({ pk }) => pk?.['id']),
      ids,
    );
});

test('two tables that changed names while nothing followed have each its own history from installTriggers on, whichever is named first', async () => {
  for (const tables of [
    ['first_one', 'second_one'],
    ['second_two', 'first_two'],
  ] as const) {
    for (const table of tables) await audit(database.admin, table, `create table ${table} (id int primary key)`);
    await withoutEventTriggers(database.admin, () =>
      query(`alter table ${tables[0]} rename to passing; alter table ${tables[1]} rename to ${tables[0]};
        alter table passing rename to ${tables[1]}`),
    );
    await installTriggers(database.admin, { tables });
    await query(`insert into ${tables[0]} values (1); insert into ${tables[1]} values (2)`);
    for (const [index, table] of tables.entries()) {
      assert.deepEqual(
        (await timeline(database.admin, { table })).map(({ pk }) => pk),
        [{ id: index + 1 }],
      );
      await assertReplays(database.admin, table);
    }
  }
});

test('a column of a child that is not to be seen stays hidden when its parent gives its name to another', async () => {
  await query(`create table elder (id int, ssn text, note text); create table middle () inherits (elder);
    create table younger (primary key (id)) inherits (middle)`);
  await installTriggers(database.admin, { tables: [{ table: 'younger', mask: ['ssn'] }] });
  await query(`alter table elder rename ssn to passing; alter table elder rename note to ssn; alter table elder rename passing to note;
    insert into younger (id, note) values (1, '078-05-1120'); update younger set note = '078-05-1121'; delete from younger`);
  assert.doesNotMatch(JSON.stringify(await changesOf(database.admin, 'younger')), /078/);
});

test('a masked column that is renamed stays hidden when a child of its table is audited', async () => {
  const rename = () => query('alter table guarded rename ssn to old_ssn');
  for (const isFollowed of [true, false]) {
    await query('create table guarded (id int primary key, ssn text)');
    await installTriggers(database.admin, { tables: [{ table: 'guarded', mask: ['ssn'] }] });
    await (isFollowed ? rename() : withoutEventTriggers(database.admin, rename));
    await audit(database.admin, 'ward', 'create table ward (primary key (id)) inherits (guarded)');
    await query(
      `insert into guarded (id, old_ssn) values (1, '078-05-1120'); update guarded set old_ssn = '078-05-1121'`,
    );
    assert.doesNotMatch(JSON.stringify(await changesOf(database.admin, 'guarded')), /078/);
    await query('drop table guarded cascade');
  }
});

test('a table whose masked column has another name, while a new one has the former, is not named alone where nothing follows', async () => {
  await withoutEventTriggers(database.admin, async () => {
    for (const [table, ddl] of [
      ['alone_1', 'alter table alone_1 rename ssn to old_ssn; alter table alone_1 add ssn text'],
      ['alone_2', 'alter table alone_2 rename ssn to old_ssn; alter table alone_2 rename note to ssn'],
    ] as const) {
      await query(`create table ${table} (id int primary key, ssn text, note text)`);
      await installTriggers(database.admin, { tables: [{ table, mask: ['ssn'] }] });
      await installTriggers(database.admin, { tables: [table] });
      await query(ddl);
      await assert.rejects(installTriggers(database.admin, { tables: [table] }), { code: 'TL_TABLE_OPTIONS_INVALID' });
      await query(`insert into ${table} (id, old_ssn) values (1, '078-05-1120')`);
      assert.doesNotMatch(JSON.stringify(await changesOf(database.admin, table)), /078/);
    }
  });
});

test('where no event trigger may be created, installing says so, writes go on, and installTriggers catches up', async () => {
  const { admin, name } = await createTestDatabase();
  const installer = `installer_of_${name}`;
  await admin.query(
    `create role ${installer}; grant create on database ${name} to ${installer}; grant create, usage on schema public to ${installer}`,
  );
  await onConnection(admin, async (client) => {
    const notices: string[] = [];
    client.on('notice', ({ message, hint }) => notices.push(`${message} ${hint}`));
    await client.query(`set role ${installer}`);
    await install(client);
    assert.match(notices.join(), /no event trigger.*installTriggers/s);
    await client.query('create table plain (id int primary key, n int)');
    await installTriggers(client, { tables: ['plain'] });
    await client.query(`insert into plain values (1, 1); alter table plain rename to simple; alter table simple add extra int;
      update simple set extra = 2`);
    await installTriggers(client, { tables: ['simple'] });
    await client.query('update simple set n = 2');
    const changes = await history(client, { table: 'simple', pk: 1 });
    assert.deepEqual(
      changes.map(({ op, changedFields }) => [op, ...changedFields]),
      [['update', 'n'], ['update', 'extra'], ['insert']],
    );
  });
});
