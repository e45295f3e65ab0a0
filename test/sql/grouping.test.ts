import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import pg from 'pg';
import { makeScope } from '../../src/core/context.ts';
import { SET_CONFIG_SQL } from '../../src/core/wire.ts';
import { type AuditContextInput, actor, timeline } from '../../src/index.ts';
import { install, installTriggers } from '../../src/sql/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { audit, auditedDatabase, changesOf, enter, inTransaction, transactionsOf } from './audited.ts';

let database: TestDatabase;
before(async () => {
  database = await auditedDatabase();
});

/** The actor id of each change of a table, in order. */
async function actorsOf(table: string): Promise<readonly (string | null)[]> {
  const { rows } = await database.admin.query(
    `select t.actor_ref ->> 'id' as id from threadline.audit_changes c
     join threadline.audit_transactions t on t.id = c.transaction_id where c.table_name = $1 order by c.id`,
    [table],
  );
  return rows.map(({ id }) => id);
}

test('the changes of one transaction and context belong to one audit transaction, which carries all of the context', async () => {
  await audit(database.admin, 'grouped', 'create table grouped (id int primary key)');
  const xid = await inTransaction(database.admin, async (client) => {
    await client.query(`set local application_name = 'the app'`);
    await enter(client, {
      actor: actor.user('é"\\42'),
      correlationId: 'c-1',
      requestId: 'r-1',
      jobId: 'j-1',
      source: 'http',
      remoteIp: '10.0.0.1',
      meta: { a: [1, null] },
    });
    await client.query('insert into grouped values (1), (2)');
    await client.query('update grouped set id = id + 10');
    return (await client.query('select pg_current_xact_id()::text as xid')).rows[0].xid;
  });
  assert.equal((await changesOf(database.admin, 'grouped')).length, 4);
  const [row, ...others] = await transactionsOf(database.admin, 'grouped');
  assert.deepEqual(others, []);
  const { id, occurred_at, ...rest } = row ?? {};
  assert.ok(id !== null && occurred_at instanceof Date);
  assert.deepEqual(rest, {
    xid,
    actor_ref: { type: 'user', id: 'é"\\42' },
    correlation_id: 'c-1',
    request_id: 'r-1',
    job_id: 'j-1',
    source: 'http',
    remote_ip: '10.0.0.1',
    meta: { a: [1, null] },
    action_id: null,
    db_user: database.user,
    application_name: 'the app',
  });
});

test('a context that an adapter vouches for is recorded just as one that is looked at closely', async () => {
  await audit(database.admin, 'vouched', 'create table vouched (id int primary key)');
  const all = {
    correlationId: 'c',
    requestId: 'r',
    jobId: 'j',
    source: 's',
    remoteIp: '::1',
    meta: { a: [1, null], b: {} },
  };
  const contexts = [
    { ...all, actor: actor.user('42') },
    { ...all, actor: actor.anonymous(), meta: {} },
    ...[actor.admin, actor.serviceAccount, actor.job, actor.system].map((of) => ({ actor: of('x'), source: 'cron' })),
    { actor: actor.user('x'.repeat(255)), requestId: 'y'.repeat(255) },
  ];
  const record = async (context: AuditContextInput, write: string, isVouched: boolean) => {
    await inTransaction(database.admin, async (client) => {
      const { actorRef, context: rest } = makeScope(context).settings;
      assert.deepEqual([actorRef[0], rest[0]], [' ', ' ']);
      await client.query(SET_CONFIG_SQL, isVouched ? [actorRef, rest] : [actorRef.trim(), rest.trim()]);
      await client.query(write);
    });
    const { id, xid, occurred_at, ...recorded } = (await transactionsOf(database.admin, 'vouched')).at(-1) ?? {};
    return recorded;
  };
  for (const context of contexts)
    for (const write of ['insert into vouched values (1)', 'update vouched set id = id + 10', 'delete from vouched']) {
      const expected = await record(context, write, false);
      if (write.startsWith('delete')) await database.admin.query('insert into vouched values (3)');
      const recorded = await record(context, write.replace('(1)', '(2)'), true);
      assert.deepEqual(recorded, expected);
      assert.ok(recorded['actor_ref']);
    }
});

test('what somebody vouches for by hand is told as nobody where it is no actor, and is no longer than an adapter writes', async () => {
  await audit(database.admin, 'forged', 'create table forged (id int primary key)');
  for (const [actorRef, context] of [
    [' 5', ' {"request_id":"r","meta":7}'],
    [' {"type":"user","id":"1","x":{}}', ` {"request_id":"r","meta":[]}`],
    [' {"type":"user","id":"1"}', ` {"request_id":"${'r'.repeat(3000)}"}`],
  ])
    await inTransaction(database.admin, async (client) => {
      await client.query(SET_CONFIG_SQL, [actorRef, context]);
      await client.query('insert into forged select count(*) from forged');
    });
  const told = (await timeline(database.admin, { table: 'forged' })).map(({ transaction }) => transaction);
  assert.deepEqual(
    told.map(({ actor: who, requestId, meta }) => [who, requestId, meta === null ? null : Object.keys(meta)]),
    [
      [{ type: 'user', id: '1' }, null, ['malformed']],
      [null, 'r', null],
      [null, 'r', null],
    ],
  );
});

test('a change of context in the middle of a transaction begins the next audit transaction, and one that comes back continues its own', async () => {
  await audit(database.admin, 'switched', 'create table switched (id int primary key)');
  await inTransaction(database.admin, async (client) => {
    const contexts = [
      { actor: actor.user('a') },
      { actor: actor.user('b') },
      {},
      { actor: actor.user('a') },
      { actor: actor.user('a'), requestId: 'r' },
      { actor: actor.user('a'), requestId: 's' },
      { actor: actor.user('b'), requestId: 's' },
      { actor: actor.user('b') },
    ];
    for (const [id, context] of contexts.entries()) {
      await enter(client, context);
      await client.query('insert into switched values ($1)', [id]);
    }
  });
  assert.deepEqual(await actorsOf('switched'), ['a', 'b', null, 'a', 'a', 'a', 'b', 'b']);
  assert.deepEqual(
    (await transactionsOf(database.admin, 'switched')).map(({ request_id }) => request_id),
    [null, null, null, 'r', 's', 's'],
  );
});

test('a transaction of very many contexts attributes every change, and keeps a short list of those it may come back to', async () => {
  await audit(database.admin, 'crowded', 'create table crowded (id int primary key)');
  const length = await inTransaction(database.admin, async (client) => {
    await client.query(`do $$ begin
      for i in 1..300 loop
        perform set_config('threadline.actor_ref', format('{"type":"user","id":"%s"}', i), true);
        insert into crowded values (i);
      end loop;
    end $$`);
    return (await client.query(`select length(current_setting('threadline.transaction_others')) as length`)).rows[0]
      .length;
  });
  assert.ok(length < 16200, `${length} characters`);
  assert.deepEqual(
    await actorsOf('crowded'),
    Array.from({ length: 300 }, (_, index) => String(index + 1)),
  );
});

test('a session that never had a context finds its audit transaction again without looking for it', async () => {
  await audit(database.admin, 'unsettled', 'create table unsettled (id int primary key, n int)');
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query(`set track_functions = 'all'; begin; insert into unsettled values (1, 0), (2, 0)`);
  await client.query('update unsettled set n = 1');
  const { rows } = await client.query(
    `select funcname from pg_stat_xact_user_functions where funcname = 'continue_transaction'`,
  );
  await client.query('commit');
  await client.end();
  assert.deepEqual(rows, []);
});

test('a rolled back savepoint takes its audit transaction back, and what follows is grouped and attributed as before', async () => {
  await audit(database.admin, 'saved', 'create table saved (id int primary key)');
  await inTransaction(database.admin, async (client) => {
    await client.query('savepoint first');
    await enter(client, { actor: actor.user('outer') });
    await client.query('insert into saved values (1)');
    await client.query('rollback to first');
    await enter(client, { actor: actor.user('outer') });
    await client.query('insert into saved values (2)');
    await client.query('savepoint second');
    await enter(client, { actor: actor.user('inner') });
    await client.query('insert into saved values (3)');
    await client.query('rollback to second');
    await client.query('insert into saved values (4)');
    await enter(client, { actor: actor.user('inner') });
    await client.query('insert into saved values (5)');
  });
  assert.deepEqual(await actorsOf('saved'), ['outer', 'outer', 'inner']);
  assert.equal((await transactionsOf(database.admin, 'saved')).length, 2);
});

test('nothing of a context is left on the connection for the next transaction', async () => {
  await audit(database.admin, 'borrowed', 'create table borrowed (id int primary key)');
  const client = await database.admin.connect();
  await client.query('begin');
  await enter(client, { actor: actor.user('a') });
  await client.query('insert into borrowed values (1)');
  await client.query('commit');
  await client.query('insert into borrowed values (2)');
  client.release();
  assert.deepEqual(await actorsOf('borrowed'), ['a', null]);
});

test('rows that a restored log holds for transaction ids yet to come get no new changes', async () => {
  await audit(database.admin, 'restored', 'create table restored (id int primary key)');
  await database.admin.query(`insert into threadline.audit_transactions (xid, occurred_at, actor_ref, db_user)
    select (pg_current_xact_id()::text::bigint + g)::text::xid8, now(), '{"type":"user","id":"of the old cluster"}', 'old'
    from generate_series(1, 50) g`);
  for (const id of [1, 2, 3, 4]) await database.admin.query('insert into restored values ($1)', [id]);
  assert.deepEqual(await actorsOf('restored'), [null, null, null, null]);
});

const MALFORMED: readonly (readonly [what: string, actorRef: string, context: string])[] = [
  ['no JSON', 'ada', '{'],
  ['JSON of another shape', '"ada"', '[1]'],
  ['an unknown type of actor', '{"type":"robot","id":"1"}', '{"unknown":1}'],
  ['an id that is no text', '{"type":"user","id":7}', '7'],
  ['an actor that knows too much', '{"type":"user","id":"1","name":"Ada"}', '{"meta":[]}'],
  ['U+0000 in the id', String.raw`{"type":"user","id":"a\u0000"}`, String.raw`{"request_id":"\u0000"}`],
  ['half of a surrogate pair', String.raw`{"type":"user","id":"\ud800"}`, String.raw`{"source":"\udfff"}`],
  ['too long', `{"type":"user","id":"${'x'.repeat(300)}"}`, `{"correlation_id":"${'x'.repeat(5000)}"}`],
  ['nested too deeply', `${'['.repeat(20_000)}`, `{"meta":${'['.repeat(20_000)}`],
  ['a space before one of them, as adapters have it before both', ' ada', '{'],
  ['a space before the other one', 'ada', ' {'],
  ['a space before one of them, and more within', ' {"type": "user", "id": 5}', '{"meta": []}'],
  ['very large', 'x'.repeat(3_000_000), `{"meta":{"a":"${'x'.repeat(3_000_000)}"}}`],
];

for (const [what, actorRef, context] of MALFORMED) {
  test(`settings with ${what} fail no write: there is no actor, and their text is kept in meta`, async () => {
    await database.admin.query('create table if not exists tolerant (id int generated always as identity primary key)');
    await database.admin.query(`select threadline.install_trigger('tolerant')`);
    const change = await inTransaction(database.admin, async (client) => {
      await client.query(
        `select set_config('threadline.actor_ref', $1, true), set_config('threadline.context', $2, true)`,
        [actorRef, context],
      );
      await client.query('insert into tolerant default values');
      const { rows } =
        await client.query(`select t.actor_ref, t.correlation_id, t.meta from threadline.audit_transactions t
        join threadline.audit_changes c on c.transaction_id = t.id where c.table_name = 'tolerant' order by c.id desc limit 1`);
      return rows[0];
    });
    assert.deepEqual(change, {
      actor_ref: null,
      correlation_id: null,
      meta: { malformed: { actor_ref: actorRef.slice(0, 2000), context: context.slice(0, 2000) } },
    });
  });
}

test('an actor in characters that the encoding of the database lacks is recorded in their escapes, not lost', async () => {
  for (const [encoding, id, recorded] of [
    ['LATIN1', 'Zoë', 'Zoë'],
    ['LATIN1', 'Zoë €', String.raw`Zo\u00eb \u20ac`],
    ['LATIN1', String.raw`a\u20ac b\\u20ac €€`, String.raw`a\u20ac b\\u20ac \u20ac\u20ac`],
    ['SQL_ASCII', 'Zoë', String.raw`Zo\u00eb`],
  ] as const) {
    const { admin } = await createTestDatabase(`encoding '${encoding}' lc_collate 'C' lc_ctype 'C'`);
    await install(admin);
    await admin.query('create table rows (id int primary key)');
    await installTriggers(admin, { tables: [{ table: 'rows', onMissingActor: 'reject' }] });
    await inTransaction(admin, async (client) => {
      await enter(client, { actor: actor.user(id), correlationId: id });
      await client.query('insert into rows values (1)');
    });
    const [transaction] = await transactionsOf(admin, 'rows');
    assert.deepEqual(transaction?.['actor_ref'], { type: 'user', id: recorded }, `${id} in ${encoding}`);
    assert.equal(transaction?.['correlation_id'], recorded);
  }
});

test('what is usable of a malformed context is used', async () => {
  await audit(database.admin, 'half_usable', 'create table half_usable (id int primary key)');
  const context = '{"correlation_id":"c","request_id":5,"meta":{"a":1},"more":true,"job_id":null}';
  await inTransaction(database.admin, async (client) => {
    await client.query(
      `select set_config('threadline.actor_ref', '{"id":"1","type":"admin"}', true), set_config('threadline.context', $1, true)`,
      [context],
    );
    await client.query('insert into half_usable values (1)');
  });
  const [row] = await transactionsOf(database.admin, 'half_usable');
  assert.deepEqual(
    [row?.['actor_ref'], row?.['correlation_id'], row?.['request_id']],
    [{ type: 'admin', id: '1' }, 'c', '5'],
  );
  assert.deepEqual(row?.['meta'], { a: 1, malformed: { context } });
});

test('a field of a context that is an empty text is none, and kept as it was', async () => {
  await audit(database.admin, 'vacant', 'create table vacant (id int primary key)');
  const context = '{"request_id":"","job_id":"j"}';
  await inTransaction(database.admin, async (client) => {
    await client.query(
      `select set_config('threadline.actor_ref', '{"id":"1","type":"admin"}', true), set_config('threadline.context', $1, true)`,
      [context],
    );
    await client.query('insert into vacant values (1)');
  });
  const [row] = await transactionsOf(database.admin, 'vacant');
  assert.deepEqual(
    [row?.['actor_ref'], row?.['request_id'], row?.['job_id'], row?.['meta']],
    [{ type: 'admin', id: '1' }, null, 'j', { malformed: { context } }],
  );
});

test('an action is linked to the changes of its transaction and context, before it and after it, until the next action', async () => {
  await audit(database.admin, 'acted', 'create table acted (id int primary key)');
  await inTransaction(database.admin, async (client) => {
    await client.query('insert into acted values (1)');
    await enter(client, { actor: actor.user('a'), correlationId: 'c' });
    await client.query('insert into acted values (2)');
    await client.query(
      `select threadline.record_action('first', '{"reason":"because","status":"error","meta":{"a":1}}')`,
    );
    await client.query('insert into acted values (3)');
    await client.query(`savepoint s; select threadline.record_action('undone'); rollback to s`);
    await client.query('insert into acted values (4)');
    await client.query(`select threadline.record_action('second')`);
    await client.query('insert into acted values (5)');
  });
  const { rows } =
    await database.admin.query(`select c.table_pk ->> 'id' as id, a.name, a.actor_ref ->> 'id' as actor, a.reason, a.status, a.correlation_id, a.meta
    from threadline.audit_changes c join threadline.audit_transactions t on t.id = c.transaction_id
    left join threadline.audit_actions a on a.id = t.action_id where c.table_name = 'acted' order by c.id`);
  const first = { name: 'first', actor: 'a', reason: 'because', status: 'error', correlation_id: 'c', meta: { a: 1 } };
  const second = { name: 'second', actor: 'a', reason: null, status: 'ok', correlation_id: 'c', meta: null };
  const none = { name: null, actor: null, reason: null, status: null, correlation_id: null, meta: null };
  assert.deepEqual(rows, [
    { id: '1', ...none },
    { id: '2', ...first },
    { id: '3', ...first },
    { id: '4', ...first },
    { id: '5', ...second },
  ]);
});

test('an action of a context that comes first, or comes back, is linked to no change of another', async () => {
  await audit(database.admin, 'returned', 'create table returned (id int primary key)');
  const [ada, bob] = [{ actor: actor.user('ada') }, { actor: actor.user('bob') }];
  await inTransaction(database.admin, async (client) => {
    const act = (name: string) => client.query('select threadline.record_action($1)', [name]);
    const write = (id: number) => client.query('insert into returned values ($1)', [id]);
    await enter(client, ada);
    await write(1);
    await enter(client, bob);
    await act('of bob');
    await write(2);
    await enter(client, ada);
    await act('of ada');
    await enter(client, bob);
    await write(3);
    await enter(client, ada);
    await write(4);
  });
  const { rows } = await database.admin.query(`select c.table_pk ->> 'id' as id, t.actor_ref ->> 'id' as actor, a.name
    from threadline.audit_changes c join threadline.audit_transactions t on t.id = c.transaction_id
    left join threadline.audit_actions a on a.id = t.action_id where c.table_name = 'returned' order by c.id`);
  assert.deepEqual(
    rows.map(({ id, actor, name }) => [id, actor, name]),
    [
      ['1', 'ada', 'of ada'],
      ['2', 'bob', 'of bob'],
      ['3', 'bob', 'of bob'],
      ['4', 'ada', 'of ada'],
    ],
  );
  assert.equal((await transactionsOf(database.admin, 'returned')).length, 2);
});

test('an action may be told its context, and refuses options that nobody knows', async () => {
  const { rows } = await database.admin.query(
    `select threadline.record_action('told', '{}', '{"type":"job","id":"7"}', '{"job_id":"j"}') as id`,
  );
  const found = await database.admin.query('select actor_ref, job_id from threadline.audit_actions where id = $1', [
    rows[0].id,
  ]);
  assert.deepEqual(found.rows, [{ actor_ref: { type: 'job', id: '7' }, job_id: 'j' }]);
  for (const call of [`''`, `'x', '[]'`, `'x', '{"wrong":1}'`, `'x', '{"status":"maybe"}'`, `'x', '{"meta":1}'`])
    await assert.rejects(database.admin.query(`select threadline.record_action(${call})`), { code: 'TL020' });
});
