import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import pg from 'pg';
import { prepareShop } from '../../examples/queues/shop.ts';
import { wrapPool } from '../../src/adapters/pg/index.ts';
import { actor, runWithActor, runWithSerializedContext, serializeContext } from '../../src/index.ts';
import { readmeBlocks } from '../docs/readme-blocks.ts';
import { createTestDatabase } from '../support/database.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));

describe('the section of the README on jobs and queues, block by block', async () => {
  let printed = '';
  const follow: Readonly<Record<string, (text: string) => Promise<unknown>>> = {
    sh: async (text) => {
      printed = (await run('bash', ['-euo', 'pipefail', '-c', text], { cwd: root })).stdout;
    },
    text: async (text) => assert.deepEqual(withoutChance(printed), withoutChance(text)),
    sql: async (text) =>
      assert.deepEqual(await askOfShop(text), [
        { table_name: 'orders', op: 'insert', job: 'importer', enqueued_by: { type: 'user', id: 'ada' } },
      ]),
  };
  for (const { line, language, text } of await readmeBlocks('Jobs and queues'))
    test(`README.md:${line} ${language}`, { timeout: 120_000 }, async () => {
      const step = follow[language];
      assert.ok(step, `nobody knows how to run ${language} here`);
      await step(text);
    });
});

/** Lines without what differs from run to run: the correlation ids, and which job the worker takes first. */
function withoutChance(text: string): readonly string[] {
  return text
    .replace(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '-')
    .trim()
    .split('\n')
    .sort();
}

/** What a statement finds where a job has worked for each of two users, and one of them without a job. */
async function askOfShop(statement: string): Promise<readonly unknown[]> {
  const database = await createTestDatabase();
  const pool = wrapPool(new pg.Pool({ connectionString: database.url }));
  await prepareShop(pool);
  const order = () => pool.query("insert into orders (customer) values ('somebody')");
  for (const user of ['ada', 'grace']) {
    const audit = runWithActor(actor.user(user), serializeContext);
    await runWithSerializedContext(audit, order, { actor: actor.job('importer') });
  }
  await runWithActor(actor.user('ada'), order);
  const { rows } = await pool.query(statement);
  await pool.end();
  return rows;
}
