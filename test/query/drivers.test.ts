import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { PGlite } from '@electric-sql/pglite';
import knex from 'knex';
import pg from 'pg';
import postgres from 'postgres';
import { actor, type Database, runWithActor } from '../../src/index.ts';
import { actorHistory, type Change, history, recordAction, timeline } from '../../src/query/index.ts';
import { install, installTriggers } from '../../src/sql/index.ts';
import type { TestDatabase } from '../support/database.ts';
import { auditedDatabase, writeUnder } from './audited-database.ts';

const DDL = `
  create table people (id bigint primary key, full_name text, "what? $1" numeric, born timestamptz);`;
const ADA = actor.user('ada ? $1 :name ??');
const INSERT = `insert into people values (9007199254740993, 'Ann ? $1', 1.50, '2026-03-01 12:00:00.123456+00')`;

let database: TestDatabase;
let expected: readonly Change[];

before(async () => {
  database = await auditedDatabase(DDL, ['people']);
  await writeUnder(
    database.admin,
    { actor: ADA, correlationId: 'c ? $1', meta: { 'a?': 1 } },
    INSERT,
    'update people set full_name = null',
  );
  expected = await timeline(database.admin);
  assert.equal(expected.length, 2);
  assert.deepEqual(expected[1]?.after, {
    id: '9007199254740993',
    full_name: 'Ann ? $1',
    'what? $1': '1.50',
    born: '2026-03-01T12:00:00.123456+00:00',
  });
});

/** Every function through one kind of handle gives what it gives through a plain pool. */
async function readsTheSame(db: Database): Promise<void> {
  assert.deepEqual(await timeline(db), expected);
  assert.deepEqual(await timeline(db, { limit: 1, cursor: expected[0]?.id }), expected.slice(1));
  const filters = {
    table: 'people',
    actor: ADA,
    correlationId: 'c ? $1',
    op: ['insert', 'update'],
    from: '2020-01-01',
  } as const;
  assert.deepEqual(await timeline(db, filters), expected);
  assert.deepEqual(await history(db, { table: 'public.people', pk: { id: 9007199254740993n } }), expected);
  assert.deepEqual(await actorHistory(db, ADA, { to: new Date('2120-01-01') }), expected);
  await assert.rejects(timeline(db, { schema: 'elsewhere' }), { code: 'TL_NOT_INSTALLED' });
  await assert.rejects(history(db, { table: 'people', pk: 'x' }), { code: 'TL_KEY_INVALID' });
}

/** An action recorded through one kind of handle, outside of a transaction, is there with its actor. */
async function recordsAnAction(db: Database, admin: { query: pg.Pool['query'] }): Promise<void> {
  const reason = 'because ? $1 \\ "é😀" \u0000\ud800';
  const { id } = await runWithActor(ADA, () =>
    recordAction(db, 'people.merged', { reason, meta: { 'n?': [1, '$2'] } }),
  );
  const { rows } = await admin.query(
    `select name, actor_ref::text, status, reason, meta::text from threadline.audit_actions where id::text = '${id}'`,
  );
  assert.deepEqual(rows, [
    {
      name: 'people.merged',
      actor_ref: `{"id": "ada ? $1 :name ??", "type": "user"}`,
      status: 'ok',
      reason: 'because ? $1 \\ "é😀" \ufffd\ufffd',
      meta: '{"n?": [1, "$2"]}',
    },
  ]);
}

test('a pg Pool, Client and pool client, with type parsers of their user', async () => {
  const types: pg.CustomTypesConfig = { getTypeParser: () => (value: string | Buffer) => `${value}` };
  const pool = new pg.Pool({ connectionString: database.url, types });
  const client = new pg.Client({ connectionString: database.url });
  try {
    await client.connect();
    const poolClient = await pool.connect();
    try {
      for (const db of [pool, client, poolClient]) {
        await readsTheSame(db);
        await recordsAnAction(db, database.admin);
      }
    } finally {
      poolClient.release();
    }
  } finally {
    await client.end();
    await pool.end();
  }
});

test('a postgres.js sql, transaction and reserved connection, with names and types transformed', async () => {
  const sql = postgres(database.url, {
    max: 2,
    onnotice: () => {},
    transform: postgres.toPascal,
    types: { json: { to: 114, from: [114, 3802], serialize: () => '"wrong"', parse: () => 'wrong' } },
  });
  try {
    await readsTheSame(sql);
    await recordsAnAction(sql, database.admin);
    const reserved = await sql.reserve();
    await readsTheSame(reserved);
    reserved.release();
    await sql.begin((transaction) => timeline(transaction).then((changes) => assert.deepEqual(changes, expected)));
  } finally {
    await sql.end();
  }
});

test('a Knex instance and transaction, with responses and identifiers rewritten', async () => {
  const db = knex({
    client: 'pg',
    connection: database.url,
    pool: { min: 0, max: 2 },
    wrapIdentifier: (name) => `"wrong_${name}"`,
    postProcessResponse: (result) => ({
      ...result,
      rows: result.rows?.map((row: object) =>
        Object.fromEntries(Object.entries(row).map(([name, value]) => [name.toUpperCase(), value])),
      ),
    }),
  });
  try {
    await readsTheSame(db);
    await recordsAnAction(db, database.admin);
    await db.transaction(async (transaction) => assert.deepEqual(await timeline(transaction), expected));
  } finally {
    await db.destroy();
  }
});

test('any object with query(text, values)', async () => {
  const db = {
    query: async (text: string, values?: never[]) => ({ rows: (await database.admin.query(text, values)).rows }),
  };
  await readsTheSame(db);
  await recordsAnAction(db, database.admin);
});

test('a PGlite', async () => {
  const db = new PGlite();
  try {
    await install(db);
    await db.exec(DDL);
    await installTriggers(db, { tables: ['people'] });
    await db.exec(INSERT);
    const [change] = await timeline(db);
    assert.deepEqual(change?.after, expected[1]?.after);
    assert.deepEqual(await history(db, { table: 'people', pk: '9007199254740993' }), [change]);
    assert.deepEqual(await actorHistory(db, ADA), []);
    await recordsAnAction(db, { query: (text: string) => db.query(text) } as unknown as pg.Pool);
  } finally {
    await db.close();
  }
});

test('what is no database is refused', async () => {
  await assert.rejects(timeline({} as never), { code: 'TL_DATABASE_UNSUPPORTED' });
});
