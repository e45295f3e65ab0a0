import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import fc from 'fast-check';
import type pg from 'pg';
import { type Change, history, timeline } from '../../src/query/index.ts';
import { auditedDatabase } from './audited-database.ts';

const KEYS = [1, 2, 3, 4];

let pool: pg.Pool;

before(async () => {
  // The row column tells rows apart whatever their key: what the history has to find out by itself.
  const ddl = `create table slots (
    id int primary key deferrable initially deferred,
    "row" int generated always as identity,
    n int not null default 0)`;
  pool = (await auditedDatabase(ddl, ['slots'])).admin;
});

const key = fc.constantFrom(...KEYS);
const statement: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: key.map((id) => `insert into slots (id) values (${id})`) },
  { weight: 3, arbitrary: key.map((id) => `update slots set n = n + 1 where id = ${id}`) },
  { weight: 4, arbitrary: fc.tuple(key, key).map(([from, to]) => `update slots set id = ${to} where id = ${from}`) },
  {
    weight: 2,
    arbitrary: fc.tuple(key, key).map(([a, b]) => `update slots set id = ${a + b} - id where id in (${a}, ${b})`),
  },
  { weight: 1, arbitrary: fc.constant('update slots set id = id % 4 + 1, n = n + 1') },
  { weight: 1, arbitrary: key.map((id) => `delete from slots where id = ${id}`) },
  { weight: 1, arbitrary: fc.constant('truncate slots') },
);
const workload = fc.array(fc.array(statement, { minLength: 1, maxLength: 4 }), { minLength: 5, maxLength: 12 });

// What PostgreSQL refuses: two rows under one key at the end, and a TRUNCATE while that is yet to be checked.
const REFUSALS = ['23505', '55006'];

/** Runs each list of statements as a transaction; one that PostgreSQL refuses is undone. */
async function run(transactions: readonly (readonly string[])[]): Promise<void> {
  const client = await pool.connect();
  try {
    for (const statements of transactions)
      await client.query(`begin; ${statements.join('; ')}; commit`).catch(async (error: { code?: string }) => {
        assert.ok(REFUSALS.includes(error.code ?? ''), String(error));
        await client.query('rollback');
      });
  } finally {
    client.release();
  }
}

const rowOf = ({ before, after }: Change): unknown => (after ?? before)?.['row'];

/** The history by its definition, told from the identity of the rows. `log` is every change, oldest first. */
function expectedHistory(log: readonly Change[], id: number): readonly string[] {
  const keyOfRow = new Map<unknown, unknown>();
  const told = new Set<string>();
  for (const change of log) {
    if (change.op === 'truncate') {
      if ([...keyOfRow.values()].includes(id)) told.add(change.id);
      keyOfRow.clear();
      continue;
    }
    if (change.op === 'delete') keyOfRow.delete(rowOf(change));
    else keyOfRow.set(rowOf(change), change.pk?.['id']);
    if (change.pk?.['id'] !== id && change.pkBefore?.['id'] !== id) continue;
    told.add(change.id);
    const hasMovedHere = change.pkBefore !== null && change.pk?.['id'] === id;
    if (!hasMovedHere) continue;
    for (const earlier of log)
      if (BigInt(earlier.id) < BigInt(change.id) && earlier.op !== 'truncate' && rowOf(earlier) === rowOf(change))
        told.add(earlier.id);
  }
  return [...told].sort((a, b) => Number(b) - Number(a));
}

async function pagedHistory(id: number, limit: number): Promise<readonly string[]> {
  const ids: string[] = [];
  for (;;) {
    const page = await history(pool, { table: 'slots', pk: id, limit, cursor: ids.at(-1) });
    ids.push(...page.map((change) => change.id));
    if (page.length < limit) return ids;
  }
}

test('whatever was inserted, moved, swapped, rotated, deleted and truncated: each history is exact, and so are its pages', async () => {
  await fc.assert(
    fc.asyncProperty(workload, async (transactions) => {
      await pool.query(
        'begin; set local session_replication_role = replica; truncate slots, threadline.audit_changes, threadline.audit_transactions; commit',
      );
      await run(transactions);
      const log = [...(await timeline(pool, { limit: 1000 }))].reverse();
      for (const id of KEYS) {
        const expected = expectedHistory(log, id);
        assert.deepEqual(await pagedHistory(id, 1000), expected, `key ${id}`);
        assert.deepEqual(await pagedHistory(id, 2), expected, `key ${id} by pages`);
      }
    }),
    { numRuns: Number(process.env['HISTORY_RUNS'] ?? 40), includeErrorInReport: true },
  );
});
