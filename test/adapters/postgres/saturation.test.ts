import assert from 'node:assert/strict';
import { before, beforeEach, describe, test } from 'node:test';
import postgres, { type Sql } from 'postgres';
import { wrapPostgres } from '../../../src/adapters/postgres/index.ts';
import { startCountingProxy } from '../../support/counting-proxy.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { clearNotes, createNotes, readNotes } from '../../support/notes.ts';
import { as, PIPELINED, quiet } from './shapes.ts';

let database: TestDatabase;

before(async () => {
  database = await createTestDatabase();
  await createNotes(database.admin);
});
beforeEach(() => clearNotes(database.admin));

const CALLERS = 200;
const ROUNDS = 5;

interface Saturated {
  readonly options: { readonly max: number; readonly max_pipeline?: number; readonly prepare?: boolean };
  /** Whether begin() may be used: the driver loses it on a connection whose pipeline is full. */
  readonly begins: boolean;
}

const POOLS: Readonly<Record<string, Saturated>> = {
  'five connections': { options: { max: 5 }, begins: true },
  'five connections, max_pipeline 1': { options: { max: 5, max_pipeline: 1 }, begins: false },
  'one connection': { options: { max: 1 }, begins: false },
  'one connection, max_pipeline 1': { options: { max: 1, max_pipeline: 1 }, begins: false },
  'five connections, prepare: false': { options: { max: 5, prepare: false }, begins: true },
};

describe('many callers on few connections: reads, writes and transactions, each served, each as itself', () => {
  for (const [name, { options, begins }] of Object.entries(POOLS))
    test(name, async () => {
      const proxy = await startCountingProxy(database, 1);
      const { user, name: dbname } = database;
      const given = { host: '127.0.0.1', port: proxy.port, user, database: dbname, ...options };
      const sql = wrapPostgres(postgres(quiet(given)));
      await Promise.all(Array.from({ length: CALLERS }, (_caller, index) => caller(sql, index, begins)));
      await sql.end();
      assert.ok(proxy.connections() <= options.max);
      await proxy.close();
      const rows = await readNotes(database.admin);
      assert.equal(rows.length, CALLERS * ROUNDS + (begins ? (CALLERS / 5) * ROUNDS : 0));
      for (const { body, actor } of rows) assert.equal(actor ?? 'nobody', body);
      const { rows: open } = await database.admin.query(
        "select count(*)::int as count from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'",
      );
      assert.equal(open[0].count, 0);
    });
});

/** One in five writes as nobody, one in transactions, the others in all shapes; and everybody reads. */
async function caller(sql: Sql, index: number, begins: boolean): Promise<void> {
  const actor = `user ${index}`;
  for (let round = 0; round < ROUNDS; round += 1) {
    const shape = PIPELINED[(index * ROUNDS + round) % PIPELINED.length];
    if (index % 5 === 0) await shape?.[1](sql, 'nobody');
    else if (index % 5 === 1 && begins)
      await as(actor, () =>
        sql.begin(async (tx) => {
          await tx`insert into notes (body) values (${actor})`;
          await tx`insert into notes (body) values (${actor})`;
        }),
      );
    else await as(actor, async () => shape?.[1](sql, actor));
    // A text of its own: described before it runs, while nothing else may follow on its connection.
    const [row] = await as(
      actor,
      () => sql`select ${index}::int as own, ${sql.unsafe(`${index * ROUNDS + round}`)} as text`,
    );
    assert.equal(row?.['own'], index);
  }
}

test('a read is not starved by writes', async () => {
  const sql = wrapPostgres(postgres(database.url, quiet({ max: 2 })));
  let isRead = false;
  const writer = async (name: string) => {
    while (!isRead) await as(name, () => sql`insert into notes (body) values (${name})`);
  };
  const writers = Promise.all(Array.from({ length: 20 }, (_writer, index) => writer(`writer ${index}`)));
  const reserved = await sql.reserve();
  await reserved`select 1`;
  reserved.release();
  await sql`select 1`;
  isRead = true;
  await writers;
  await sql.end();
  for (const { body, actor } of await readNotes(database.admin)) assert.equal(actor, body);
});
