import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { runInNewContext } from 'node:vm';
import type pg from 'pg';
import { actor, isThreadlineError } from '../../src/index.ts';
import { actorHistory, type Change, type TimelineFilters, timeline } from '../../src/query/index.ts';
import { installTriggers } from '../../src/sql/index.ts';
import { auditedDatabase, write, writeUnder } from './audited-database.ts';

let pool: pg.Pool;

before(async () => {
  const ddl = `
    create table people (id int primary key, name text);
    create schema sales;
    create table sales.orders (id int primary key, total numeric(10, 2), placed bigint);`;
  pool = (await auditedDatabase(ddl, ['people', 'sales.orders'])).admin;
  const ada = actor.user('ada');
  await writeUnder(pool, { actor: ada, correlationId: 'c-1' }, `insert into people values (1, 'a'), (2, 'b')`);
  await writeUnder(
    pool,
    { actor: actor.job('ada'), correlationId: 'c-1' },
    `update people set name = 'x' where id = 1`,
  );
  await writeUnder(
    pool,
    { actor: ada, correlationId: 'c-2' },
    `insert into sales.orders values (1, 12.50, 9007199254740993)`,
  );
  await writeUnder(pool, { actor: actor.anonymous() }, `delete from people where id = 2`);
  await write(pool, `update sales.orders set total = 13`, `truncate people`);
});

function short(changes: readonly Change[]): readonly string[] {
  return changes.map(({ op, table }) => `${op} ${table.name}`);
}

async function refusal(filters: object): Promise<string> {
  const error = await timeline(pool, filters as TimelineFilters).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(isThreadlineError(error), `${JSON.stringify(filters)} should be refused`);
  return `${error.code} ${error.message}`;
}

const EVERYTHING = [
  'truncate people',
  'update orders',
  'delete people',
  'insert orders',
  'update people',
  'insert people',
  'insert people',
];

test('the timeline is every change of every table, newest first', async () => {
  const changes = await timeline(pool);
  assert.deepEqual(short(changes), EVERYTHING);
  const ids = changes.map(({ id }) => BigInt(id));
  assert.deepEqual(
    ids,
    [...ids].sort((a, b) => (a > b ? -1 : 1)),
  );
});

test('values come back as they are, what JavaScript cannot hold exactly as text', async () => {
  const [update, insert] = await timeline(pool, { table: 'sales.orders' });
  assert.deepEqual(insert?.after, { id: 1, total: '12.50', placed: '9007199254740993' });
  assert.deepEqual(update?.before, insert?.after);
  assert.deepEqual(update?.changedFields, ['total']);
});

test('each filter lets through what it says', async () => {
  const cases: readonly [TimelineFilters, readonly string[]][] = [
    [{ table: 'sales.orders' }, ['update orders', 'insert orders']],
    [{ table: { schema: 'public', name: 'people' }, op: 'insert' }, ['insert people', 'insert people']],
    [{ actor: actor.user('ada') }, ['insert orders', 'insert people', 'insert people']],
    [{ actor: { type: 'job', id: 'ada' } }, ['update people']],
    [{ actor: actor.anonymous() }, ['delete people']],
    [{ actor: actor.user('nobody') }, []],
    [{ actor: null }, ['truncate people', 'update orders']],
    [{ correlationId: 'c-1' }, ['update people', 'insert people', 'insert people']],
    [{ correlationId: 'c-1', actor: actor.user('ada') }, ['insert people', 'insert people']],
    [{ op: 'delete' }, ['delete people']],
    [{ op: ['truncate', 'delete'] }, ['truncate people', 'delete people']],
    [{ limit: 2 }, ['truncate people', 'update orders']],
    [{ table: undefined, actor: undefined, op: undefined, limit: undefined, cursor: undefined }, EVERYTHING],
  ];
  for (const [filters, expected] of cases)
    assert.deepEqual(short(await timeline(pool, filters)), expected, JSON.stringify(filters));
});

test('from is inclusive, to is exclusive, both to the microsecond', async () => {
  const all = await timeline(pool);
  const middle = all[3] as Change;
  assert.deepEqual(await timeline(pool, { from: middle.at }), all.slice(0, 4));
  assert.deepEqual(await timeline(pool, { to: middle.at }), all.slice(4));
  assert.deepEqual(await timeline(pool, { from: middle.at, to: middle.at }), []);
  const day = middle.at.slice(0, 10);
  const tomorrow = new Date(Date.parse(day) + 86_400_000).toISOString().slice(0, 10);
  assert.equal((await timeline(pool, { from: '2020-01-01', to: tomorrow })).length, all.length);
  assert.equal((await timeline(pool, { from: new Date(Date.parse(tomorrow)) })).length, 0);
  // Of another realm, as a cloned Date is under Jest.
  assert.equal((await timeline(pool, { from: runInNewContext(`new Date('${tomorrow}')`) })).length, 0);
  const inTokyo = new Date(Date.parse(middle.at) + 9 * 3_600_000)
    .toISOString()
    .replace('Z', `${middle.at.slice(23, 26)}+09:00`);
  assert.deepEqual(await timeline(pool, { from: inTokyo, to: all[0]?.at }), all.slice(1, 4));
});

test('a date means its midnight in UTC, whatever the time zone of the session', async () => {
  const client = await pool.connect();
  try {
    await client.query(`set timezone = 'Pacific/Kiritimati'`);
    const all = await timeline(client);
    assert.deepEqual(all, await timeline(pool));
    await client.query('begin');
    await client.query('set local session_replication_role = replica');
    await client.query(`update threadline.audit_changes set captured_at = '2020-03-01T12:00:00Z' where id = $1`, [
      all[6]?.id,
    ]);
    assert.equal((await timeline(client, { from: '2020-03-01', to: '2020-03-02' })).length, 1);
    assert.equal((await timeline(client, { to: '2020-03-01' })).length, 0);
  } finally {
    await client.query('rollback');
    client.release(true);
  }
});

test('pages are exact: none skips or repeats a change, also while others write', async () => {
  await pool.query('create table busy (id int primary key, n int)');
  await installTriggers(pool, { tables: ['busy'] });
  await write(pool, `insert into busy select n, n from generate_series(1, 25) n`);
  const before = await timeline(pool, { table: 'busy', limit: 1000 });
  const pages: Change[] = [];
  for (;;) {
    const page = await timeline(pool, { table: 'busy', limit: 10, cursor: pages.at(-1)?.id });
    pages.push(...page);
    if (page.length < 10) break;
    await write(pool, `update busy set n = n + 1 where id = 1`);
  }
  assert.deepEqual(pages, before);
});

test('a timeline is bounded: 50 changes unless asked for up to 1000', async () => {
  await pool.query('create table many (id int primary key)');
  await installTriggers(pool, { tables: ['many'] });
  await write(pool, `insert into many select generate_series(1, 1010)`);
  assert.equal((await timeline(pool)).length, 50);
  assert.equal((await timeline(pool, { limit: 1000 })).length, 1000);
  assert.match(await refusal({ limit: 1001 }), /^TL_FILTER_INVALID .*limit: must be at most 1000/);
  await write(pool, 'truncate many');
});

test('an unknown filter is refused with the list of the known ones', async () => {
  assert.match(
    await refusal({ tabel: 'people' }),
    /^TL_FILTER_INVALID .*unknown filter tabel; the known ones are table, actor, from, to, correlationId, op, limit, cursor, schema$/,
  );
});

test('a filter of the wrong shape is refused, and nothing of its value is told', async () => {
  const wrong: readonly [object, RegExp][] = [
    [{ from: '2026-03-01 10:00' }, /from: must be a Date, a date/],
    [{ to: '2026-03-01T10:00:00' }, /to: must be a Date, a date/],
    [{ from: new Date(Number.NaN) }, /from/],
    [{ op: 'upsert' }, /op: must be one of insert, update, delete, truncate/],
    [{ op: [] }, /op/],
    [{ limit: 0 }, /limit/],
    [{ limit: 1.5 }, /limit/],
    [{ limit: '10' }, /limit/],
    [{ cursor: "1' or true" }, /cursor: must be the id of a change/],
    [{ cursor: '99999999999999999999' }, /cursor/],
    [{ cursor: 7 }, /cursor/],
    [{ correlationId: '' }, /correlationId/],
    [{ table: 7 }, /table: must be a table name/],
    [{ table: { name: 'people', shema: 'x' } }, /table/],
    [{ schema: '' }, /schema/],
  ];
  for (const [filters, expected] of wrong) {
    const message = await refusal(filters);
    assert.match(message, expected);
    assert.match(message, /^TL_FILTER_INVALID/);
  }
  assert.match(await refusal({ actor: { type: 'robot', id: '1' } }), /^TL_ACTOR_TYPE_UNKNOWN/);
  assert.match(await refusal({ table: 'no_such_table' }), /^TL_TABLE_NOT_FOUND/);
  assert.match(await refusal({ table: 'people; drop table people' }), /^TL_IDENTIFIER_INVALID/);
  assert.match(await refusal({ schema: 'elsewhere' }), /^TL_NOT_INSTALLED/);
});

test('the history of an actor is the timeline of that actor', async () => {
  const ada = actor.user('ada');
  assert.deepEqual(await actorHistory(pool, ada), await timeline(pool, { actor: ada }));
  assert.deepEqual(short(await actorHistory(pool, ada, { table: 'people', limit: 1 })), ['insert people']);
});

test('the history of no actor is refused, instead of being that of everybody', async () => {
  await assert.rejects(actorHistory(pool, undefined as never), { code: 'TL_ACTOR_INVALID' });
});

test('a database without Threadline is told from one whose schema has another name', async () => {
  const other = await auditedDatabase('create table t (id int primary key)', ['t'], 'Audit "Log"');
  await write(other.admin, 'insert into t values (1)');
  assert.equal((await timeline(other.admin, { schema: 'Audit "Log"', table: 't' })).length, 1);
  await assert.rejects(timeline(other.admin), { code: 'TL_NOT_INSTALLED', message: /"threadline"/ });
});

test('a change whose transaction row is missing is told all the same', async () => {
  await pool.query('create table orphans (id int primary key)');
  await installTriggers(pool, { tables: ['orphans'] });
  await write(pool, 'insert into orphans values (1)');
  const client = await pool.connect();
  try {
    await client.query('begin');
    await client.query('set local session_replication_role = replica');
    await client.query(`delete from threadline.audit_transactions where id =
      (select transaction_id from threadline.audit_changes where table_name = 'orphans')`);
    const [change] = await timeline(client, { table: 'orphans' });
    assert.equal(change?.op, 'insert');
    assert.equal(change?.transaction.actor, null);
  } finally {
    await client.query('rollback');
    client.release();
  }
});

test('a Date beyond the years of PostgreSQL bounds nothing, and a text that it could not read is refused', async () => {
  const [earliest, latest] = [new Date(-8.64e15), new Date(8.64e15)];
  assert.equal((await timeline(pool, { from: earliest, to: latest })).length, (await timeline(pool)).length);
  assert.deepEqual(await timeline(pool, { from: latest }), []);
  assert.deepEqual(await timeline(pool, { correlationId: 'a\0b' }), []);
  for (const from of ['0000-01-01', '2026-01-01T00:00:00+23:00'])
    await assert.rejects(timeline(pool, { from }), { code: 'TL_FILTER_INVALID' });
});
