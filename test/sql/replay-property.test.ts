import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import type pg from 'pg';
import { install, installTriggers } from '../../src/sql/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { shapeOf, type TableSpec, tableSpec } from '../support/random-table.ts';
import { assertReplays } from '../support/replay.ts';
import { attempt, openSession, type Shape, type Step, statementOf, workload } from '../support/replay-workload.ts';

const RUNS = Number(process.env['THREADLINE_PROPERTY_RUNS'] ?? 500);
const SESSIONS = 3;

let database: TestDatabase;
let sessions: readonly pg.Client[] = [];
let count = 0;

before(async () => {
  database = await createTestDatabase();
  await install(database.admin);
  sessions = await Promise.all(Array.from({ length: SESSIONS }, () => openSession(database.url, '100ms')));
});

after(async () => {
  await Promise.all(sessions.map((session) => session.end()));
});

test(`whatever the table and whatever ${SESSIONS} sessions do to it, its log gives its rows, and each change its context`, async (t) => {
  await fc.assert(
    fc.asyncProperty(tableSpec, workload, async (spec, steps) => {
      await runOnce(spec, steps);
    }),
    { numRuns: RUNS },
  );
  t.diagnostic(`${RUNS} runs; THREADLINE_PROPERTY_RUNS sets their number`);
});

async function runOnce(spec: TableSpec, steps: readonly Step[]): Promise<void> {
  count += 1;
  const shape = shapeOf(spec, `random_${count}`);
  await database.admin.query(shape.ddl);
  await installTriggers(database.admin, { tables: [{ table: shape.table, images: spec.images }] });
  try {
    await Promise.all(
      sessions.map(async (client, session) => {
        for (const [position, step] of steps.entries())
          if (step.session === session) await take(client, shape, { step, by: `${session}-${position % 4}` });
        await client.query('commit');
      }),
    );
    await assertReplays(database.admin, shape.table, `(images: ${spec.images}) ${shape.ddl}`);
    await assertContexts(shape.table);
  } finally {
    await database.admin.query(`drop table ${shape.table}; drop function if exists ${shape.table}_fn`);
  }
}

/** Takes a step under a context of its own. */
async function take(
  client: pg.Client,
  shape: Shape,
  { step, by }: { readonly step: Step; readonly by: string },
): Promise<void> {
  const text = statementOf(shape, step).replaceAll(':by', `'${by}'`);
  const isControl = step.kind !== 'write' && step.kind !== 'truncate';
  // One message is one transaction where none is open.
  const settings = `select set_config('threadline.actor_ref', '{"type":"user","id":"${by}"}', true);`;
  await attempt(client, isControl ? text : `${settings} ${text}`);
}

/** What a statement left in the rows that it wrote is who it wrote as. */
async function assertContexts(table: string): Promise<void> {
  const { rows } = await database.admin.query(
    `select c.id, c.op, c.data_after ->> 'written_by' as wrote, t.actor_ref ->> 'id' as recorded
     from threadline.audit_changes c left join threadline.audit_transactions t on t.id = c.transaction_id
     where c.table_name = $1
       and (t.id is null or c.changed_fields && '{written_by}' or c.op = 'insert')
       and c.data_after ->> 'written_by' is distinct from t.actor_ref ->> 'id'`,
    [table],
  );
  assert.deepEqual(rows, []);
}
