import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type pg from 'pg';
import { actor, isThreadlineError } from '../../src/index.ts';
import {
  install,
  installTriggers,
  type TableWithOptions,
  triggersSql,
  uninstallTriggers,
} from '../../src/sql/index.ts';
import { readmeBlocks } from '../docs/readme-blocks.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { assertReplays } from '../support/replay.ts';
import { audit, changesOf, enter, inTransaction, withoutEventTriggers } from './audited.ts';

let database: TestDatabase;
let pool: pg.Pool;

before(async () => {
  database = await createTestDatabase();
  pool = database.admin;
  await install(pool);
});

/** Makes a table of people and audits it with options. */
async function people(table: string, options: Omit<TableWithOptions, 'table'>): Promise<void> {
  await pool.query(`create table ${table} (id int primary key, name text, ssn text, password text, seen_at int)`);
  await installTriggers(pool, { tables: [{ table, ...options }] });
}

/** Everything that the log holds of a table, as one text. */
async function logOf(table: string): Promise<string> {
  return JSON.stringify(await changesOf(pool, table));
}

test('an excluded column is never stored, and a change of nothing else is not recorded', async () => {
  await people('excluding', { exclude: ['password'] });
  await pool.query(`insert into excluding values (1, 'Ada', '1', 'secret-1', 0), (2, 'Bob', '2', 'secret-2', 0)`);
  await pool.query(`update excluding set password = 'secret-3'`);
  await pool.query(`update excluding set name = 'Eve', password = 'secret-4' where id = 1`);
  await pool.query(`update excluding set id = 3, password = 'secret-5' where id = 1`);
  await pool.query('delete from excluding');
  const changes = await changesOf(pool, 'excluding');
  assert.deepEqual(
    changes.map(({ op, changed_fields }) => [op, changed_fields]),
    [
      ['insert', null],
      ['insert', null],
      ['update', ['name']],
      ['update', ['id']],
      ['delete', null],
      ['delete', null],
    ],
  );
  assert.doesNotMatch(JSON.stringify(changes), /secret|password/);
});

test('a masked column is stored as its placeholder, and an update still tells that it changed', async () => {
  await people('masking', { mask: { ssn: '***', password: 'gone' } });
  await pool.query(`insert into masking values (1, 'Ada', 'secret-1', null, 0)`);
  await pool.query(`update masking set ssn = 'secret-2', name = 'Eve'`);
  await pool.query('delete from masking');
  const [inserted, updated, deleted] = await changesOf(pool, 'masking');
  assert.deepEqual(inserted?.data_after, { id: 1, name: 'Ada', ssn: '***', password: 'gone', seen_at: 0 });
  assert.deepEqual(updated?.changed_fields, ['name', 'ssn']);
  assert.deepEqual(updated?.changed_from, { name: 'Ada', ssn: '***' });
  assert.deepEqual(updated?.data_after, { id: 1, name: 'Eve', ssn: '***', password: 'gone', seen_at: 0 });
  assert.deepEqual(deleted?.changed_from, { id: 1, name: 'Eve', ssn: '***', password: 'gone', seen_at: 0 });
  assert.doesNotMatch(await logOf('masking'), /secret/);
});

test('a list of masked columns stands for [REDACTED]', async () => {
  await people('masking_list', { mask: ['ssn'] });
  await pool.query(`insert into masking_list values (1, 'Ada', 'secret', null, 0)`);
  assert.match(await logOf('masking_list'), /"ssn":"\[REDACTED\]"/);
});

for (const [how, ddl] of [
  ['by the statement', ''],
  ['row by row', '; create function nothing() returns trigger language plpgsql as $$ begin return null; end $$'],
] as const)
  test(`a column that is not to be seen stays unseen when it is renamed, captured ${how}`, async () => {
    const table = how === 'row by row' ? 'renamed_rows' : 'renamed_statement';
    await pool.query(
      `create table ${table} (id int primary key, name text, ssn text, password text, seen_at int)${ddl}`,
    );
    if (ddl !== '')
      await pool.query(`create trigger own after insert on ${table} for each row execute function nothing()`);
    await installTriggers(pool, { tables: [{ table, mask: ['ssn'], exclude: ['password'] }] });
    await pool.query(`alter table ${table} rename ssn to tax_id`);
    await pool.query(`alter table ${table} rename password to phrase`);
    await pool.query(`alter table ${table} disable trigger own`).catch(() => {});
    await pool.query(`insert into ${table} values (1, 'Ada', 'secret-1', 'secret-2', 0)`);
    await pool.query(`update ${table} set tax_id = 'secret-3', phrase = 'secret-4', name = 'Eve'`);
    await pool.query(`update ${table} set phrase = 'secret-5'`);
    await pool.query(`delete from ${table}`);
    const changes = await changesOf(pool, table);
    assert.doesNotMatch(JSON.stringify(changes), /secret/);
    assert.deepEqual(changes.map(({ op }) => op).slice(0, 2), ['insert', 'update']);
    assert.equal(changes.at(-1)?.op, 'delete');
  });

test('an update that changes ignored columns alone is not recorded; together with others it is, with all', async () => {
  await people('ignoring', { ignore: ['seen_at'] });
  await pool.query(`insert into ignoring values (1, 'Ada', '1', 'p', 0)`);
  await pool.query('update ignoring set seen_at = 1');
  await pool.query(`update ignoring set seen_at = 2, name = 'Eve'`);
  assert.deepEqual(
    (await changesOf(pool, 'ignoring')).map(({ op, changed_fields }) => [op, changed_fields]),
    [
      ['insert', null],
      ['update', ['name', 'seen_at']],
    ],
  );
});

test('an update that changes nothing is skipped, or recorded where that is asked for', async () => {
  await people('noop_skipped', {});
  await people('noop_recorded', { noop: 'record', ignore: ['seen_at'] });
  for (const table of ['noop_skipped', 'noop_recorded']) {
    await pool.query(`insert into ${table} values (1, 'Ada', '1', 'p', 0)`);
    await pool.query(`update ${table} set name = name`);
  }
  await pool.query('update noop_recorded set seen_at = 1');
  assert.deepEqual((await changesOf(pool, 'noop_skipped')).length, 1);
  assert.deepEqual(
    (await changesOf(pool, 'noop_recorded')).map(({ op, changed_fields, changed_from }) => [
      op,
      changed_fields,
      changed_from,
    ]),
    [
      ['insert', null, null],
      ['update', [], {}],
    ],
  );
});

test('with images: changed an update stores the changed columns alone, before and after', async () => {
  await people('partial', { images: 'changed', mask: ['ssn'] });
  await pool.query(`insert into partial values (1, 'Ada', 'secret', 'p', 0)`);
  await pool.query(`update partial set name = 'Eve', ssn = 'secret', seen_at = null`);
  await pool.query(`update partial set ssn = 'secret-2'`);
  const [, first, second] = await changesOf(pool, 'partial');
  assert.deepEqual(
    [first?.changed_from, first?.data_after],
    [
      { name: 'Ada', seen_at: 0 },
      { name: 'Eve', seen_at: null },
    ],
  );
  assert.deepEqual([second?.changed_from, second?.data_after], [{ ssn: '[REDACTED]' }, { ssn: '[REDACTED]' }]);
});

test('with images: changed an update of the key stores the whole row, and so does every update of a table without one', async () => {
  await pool.query(`create table moved (id int primary key deferrable, n int); create table keyless (id int, n int)`);
  for (const table of ['moved', 'keyless']) {
    await installTriggers(pool, { tables: [{ table, images: 'changed' }] });
    await pool.query(
      `insert into ${table} values (1, 0), (2, 0); update ${table} set id = 3 - id; update ${table} set n = 1`,
    );
    await assertReplays(pool, table);
  }
  const imagesOf = async (table: string) =>
    (await changesOf(pool, table)).filter(({ op }) => op === 'update').map(({ data_after }) => data_after);
  assert.deepEqual(await imagesOf('moved'), [{ id: 2, n: 0 }, { id: 1, n: 0 }, { n: 1 }, { n: 1 }]);
  assert.deepEqual(await imagesOf('keyless'), [
    { id: 2, n: 0 },
    { id: 1, n: 0 },
    { id: 2, n: 1 },
    { id: 1, n: 1 },
  ]);
});

test('with images: changed, a row with a document that jsonb refuses is stored in the same parts as any other', async () => {
  await pool.query('create table documents (id int primary key, n int, doc json)');
  await installTriggers(pool, { tables: [{ table: 'documents', images: 'changed' }] });
  await pool.query(
    `insert into documents values (1, 0, '{"a": "\\u0000"}'); update documents set n = 1; update documents set id = 2`,
  );
  assert.deepEqual(
    (await changesOf(pool, 'documents')).slice(1).map(({ data_after }) => data_after),
    [{ n: 1 }, { id: 2, n: 1, doc: '{"a": "\\u0000"}' }],
  );
  await assertReplays(pool, 'documents');
});

test('a log that lacks the rows whose changed columns it has is not replayed: their baseline was not recorded', async () => {
  await pool.query('create table unknown (id int primary key, n int); insert into unknown values (1, 0)');
  await installTriggers(pool, { tables: [{ table: 'unknown', images: 'changed' }] });
  await pool.query('update unknown set n = 1');
  await assert.rejects(pool.query(`select * from threadline.replay('unknown')`), { code: 'TL031', hint: /baseline/ });
  await installTriggers(pool, { tables: ['unknown'], baseline: true });
  await pool.query('update unknown set n = 2');
  await assertReplays(pool, 'unknown');
});

test('with images: changed, columns that may be those of one row or of another are an error of replay, never a guess', async () => {
  await pool.query('create table ambiguous (id int primary key, n int, name text)');
  await installTriggers(pool, { tables: [{ table: 'ambiguous', images: 'changed' }] });
  await pool.query(`insert into ambiguous values (1, 0, 'a')`);
  await withoutEventTriggers(pool, () => pool.query('alter table ambiguous drop constraint ambiguous_pkey'));
  await pool.query(`insert into ambiguous values (1, 0, 'b')`);
  await assertReplays(pool, 'ambiguous');
  await pool.query(`update ambiguous set n = 1 where name = 'b'`);
  await assert.rejects(pool.query(`select * from threadline.replay('ambiguous')`), { code: 'TL031' });
});

test('without an actor no write gets through where that is asked for; with one, every kind does', async () => {
  await people('strict', { onMissingActor: 'reject' });
  await inTransaction(pool, async (client) => {
    await enter(client, { actor: actor.user('1') });
    await client.query(`insert into strict values (1, 'Ada', '1', 'p', 0)`);
  });
  for (const statement of [
    `insert into strict values (2, 'Bob', '2', 'p', 0)`,
    `update strict set name = 'Eve'`,
    'delete from strict',
    'truncate strict',
    `merge into strict using (values (1)) v (id) on strict.id = v.id when matched then delete`,
  ])
    for (const reference of ['', 'no json', '{"type":"robot","id":"1"}']) {
      const refused = inTransaction(pool, async (client) => {
        await client.query(`select set_config('threadline.actor_ref', $1, true)`, [reference]);
        await client.query(statement);
      });
      await assert.rejects(refused, (error: { code: string }) => {
        // MERGE came with 15.
        assert.ok(error.code === 'TL008' || (statement.startsWith('merge') && error.code === '42601'), statement);
        return true;
      });
    }
  await inTransaction(pool, async (client) => {
    await enter(client, { actor: actor.anonymous() });
    await client.query('update strict set name = $1', ['Eve']);
    await client.query('delete from strict');
    await client.query('truncate strict');
  });
  assert.deepEqual(
    (await changesOf(pool, 'strict')).map(({ op }) => op),
    ['insert', 'update', 'delete', 'truncate'],
  );
});

test('TRUNCATE is a mark, or all that it removed and a mark, or refused', async () => {
  await people('marked', {});
  await people('counted', { truncate: 'rows', mask: ['ssn'], exclude: ['password'] });
  await people('kept', { truncate: 'reject' });
  for (const table of ['marked', 'counted', 'kept'])
    await pool.query(
      `insert into ${table} values (1, 'Ada', 'secret', 'secret', 0), (2, 'Bob', 'secret', 'secret', 0)`,
    );
  await pool.query('truncate marked, counted');
  await assert.rejects(pool.query('truncate kept'), { code: 'TL009', hint: /DELETE/ });
  assert.deepEqual(
    (await changesOf(pool, 'marked')).map(({ op }) => op),
    ['insert', 'insert', 'truncate'],
  );
  const counted = (await changesOf(pool, 'counted')).slice(2);
  assert.deepEqual(
    counted.map(({ op, table_pk, changed_from }) => [op, table_pk, changed_from]),
    [
      ['delete', { id: 1 }, { id: 1, name: 'Ada', ssn: '[REDACTED]', seen_at: 0 }],
      ['delete', { id: 2 }, { id: 2, name: 'Bob', ssn: '[REDACTED]', seen_at: 0 }],
      ['truncate', null, null],
    ],
  );
});

test('TRUNCATE of a partitioned table and of a leaf records the rows of each leaf once', async () => {
  await pool.query(`
    create table parted (id int primary key, n int) partition by range (id);
    create table parted_1 partition of parted for values from (0) to (10);
    create table parted_2 partition of parted for values from (10) to (20)`);
  await installTriggers(pool, { tables: [{ table: 'parted', truncate: 'rows' }] });
  await pool.query('insert into parted values (1, 1), (2, 2), (11, 11)');
  await pool.query('truncate parted_1');
  await pool.query('truncate parted');
  const deletes = (await changesOf(pool, 'parted')).filter(({ op }) => op === 'delete');
  assert.deepEqual(
    deletes.map(({ table_pk }) => table_pk),
    [{ id: 1 }, { id: 2 }, { id: 11 }],
  );
});

const WRONG: readonly (readonly [what: string, options: Record<string, unknown>, message: RegExp])[] = [
  ['a misspelt column', { exclude: ['pasword'] }, /there is no column pasword \(exclude\)/],
  ['a column in two lists', { mask: ['ssn'], ignore: ['ssn'] }, /ssn is in two lists \(ignore, mask\)/],
  ['a masked column of the key', { mask: ['id'] }, /id is a column of the key/],
  ['an excluded column of the key', { exclude: ['id'] }, /id is a column of the key/],
  ['an ignored column of the key', { ignore: ['id'] }, /id is a column of the key/],
  ['an unknown option', { hide: ['ssn'] }, /hide/],
  ['an unknown word', { truncate: 'ignore' }, /truncate.*mark, rows, reject/],
  ['a list that is none', { exclude: 'ssn' }, /exclude.*list of column names/],
  ['a placeholder that is no text', { mask: { ssn: 7 } }, /mask/],
];

for (const [what, options, message] of WRONG)
  test(`${what} is refused by name, in TypeScript and in SQL, and nothing changes`, async () => {
    await pool.query('create table if not exists refusing (id int primary key, ssn text, password text)');
    const table = { table: 'refusing', ...options } as TableWithOptions;
    await assert.rejects(installTriggers(pool, { tables: [table] }), (error: unknown) => {
      assert.ok(isThreadlineError(error));
      assert.match(error.message, message);
      return /^TL_(TABLE|INSTALL)_OPTIONS_INVALID$/.test(error.code);
    });
    await assert.rejects(
      pool.query('select threadline.install_trigger($1, $2)', ['refusing', JSON.stringify(options)]),
      { code: 'TL006', message },
    );
    const { rows } = await pool.query(`select from pg_trigger where tgrelid = 'refusing'::regclass`);
    assert.equal(rows.length, 0);
  });

test('options are read back from the catalog, stay when a table is named alone, and are those of one table', async () => {
  await people('one', { mask: ['ssn', 'password'], noop: 'skip', images: 'changed' });
  await people('two', { exclude: ['password'] });
  const options = async () =>
    Object.fromEntries(
      (
        await pool.query(
          `select relation::text, options from threadline.audited_tables where relation::text in ('one', 'two')`,
        )
      ).rows.map((row) => [row.relation, row.options]),
    );
  const expected = {
    one: { mask: { ssn: '[REDACTED]', password: '[REDACTED]' }, images: 'changed' },
    two: { exclude: ['password'] },
  };
  assert.deepEqual(await options(), expected);
  await installTriggers(pool, { tables: ['one', 'two'] });
  assert.deepEqual(await options(), expected);
  await installTriggers(pool, { tables: ['one', { table: 'two' }] });
  assert.deepEqual(await options(), { ...expected, two: {} });
});

test('a change of the options is recorded as an action by whoever made it, and so is the end of the audit', async () => {
  await people('ruled', { mask: ['ssn'] });
  await inTransaction(pool, async (client) => {
    await enter(client, { actor: actor.admin('7') });
    await client.query(triggersSql({ tables: [{ table: 'ruled', exclude: ['ssn'] }] }));
    await client.query(triggersSql({ tables: ['ruled'] }));
  });
  await uninstallTriggers(pool, { tables: ['ruled'] });
  const { rows } = await pool.query(
    `select name, actor_ref, meta from threadline.audit_actions where meta ->> 'table' = 'public.ruled' order by id`,
  );
  assert.deepEqual(rows, [
    {
      name: 'audit.options_changed',
      actor_ref: { type: 'admin', id: '7' },
      meta: { table: 'public.ruled', before: { mask: { ssn: '[REDACTED]' } }, after: { exclude: ['ssn'] } },
    },
    { name: 'audit.stopped', actor_ref: null, meta: { table: 'public.ruled', options: { exclude: ['ssn'] } } },
  ]);
});

test('other options replace the triggers that they need and leave none behind', async () => {
  await people('switching', { truncate: 'reject', noop: 'record' });
  await installTriggers(pool, { tables: [{ table: 'switching' }] });
  await pool.query(`insert into switching values (1, 'Ada', '1', 'p', 0)`);
  await pool.query('update switching set name = name');
  await pool.query('truncate switching');
  assert.deepEqual(
    (await changesOf(pool, 'switching')).map(({ op }) => op),
    ['insert', 'truncate'],
  );
});

test('columns of any legal name can be excluded, masked and ignored', async () => {
  await audit(pool, 'plain_before', 'create table plain_before (id int primary key)');
  await pool.query(
    `create table odd_options (id int primary key, "it's" text, "back\\slash" text, "q""uote" text, "😀, {}" text)`,
  );
  await installTriggers(pool, {
    tables: [
      { table: 'odd_options', exclude: ["it's"], mask: { 'back\\slash': "it's \\ $1" }, ignore: ['q"uote', '😀, {}'] },
    ],
  });
  await installTriggers(pool, { tables: ['odd_options'] });
  await pool.query(`insert into odd_options values (1, 'secret', 'secret', 'a', 'b')`);
  await pool.query(`update odd_options set "q""uote" = 'c', "😀, {}" = 'd'`);
  await pool.query(`update odd_options set "back\\slash" = 'secret-2'`);
  const changes = await changesOf(pool, 'odd_options');
  assert.deepEqual(
    changes.map(({ op, changed_fields }) => [op, changed_fields]),
    [
      ['insert', null],
      ['update', ['back\\slash']],
    ],
  );
  assert.deepEqual(changes[0]?.data_after, { id: 1, 'back\\slash': "it's \\ $1", 'q"uote': 'a', '😀, {}': 'b' });
  assert.doesNotMatch(JSON.stringify(changes), /secret/);
});

test('the example of the README does what it says', async () => {
  const [block] = await readmeBlocks('What is recorded of a table');
  await pool.query(`
    create schema sales; create table sales.orders (id int primary key);
    create table users (id int primary key, password_hash text, tax_id text, last_seen_at timestamptz)`);
  const run = Object.getPrototypeOf(async () => {}).constructor('pool', 'installTriggers', block?.text);
  await run(pool, installTriggers);
  const { rows } = await pool.query(`select options from threadline.audited_tables where relation = 'users'::regclass`);
  assert.deepEqual(rows[0].options, {
    exclude: ['password_hash'],
    mask: { tax_id: '[REDACTED]' },
    ignore: ['last_seen_at'],
    onMissingActor: 'reject',
  });
});
