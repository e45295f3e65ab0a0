import assert from 'node:assert/strict';
import { test } from 'node:test';
import createKnex from 'knex';
import { wrapKnex } from '../../../src/adapters/knex/index.ts';
import { actor, runWithActor } from '../../../src/index.ts';
import { createTestDatabase } from '../../support/database.ts';
import { insertOf, survivesFaults } from '../../support/faults.ts';
import { createNotes, readNotes } from '../../support/notes.ts';

survivesFaults((connectionString, { queryTimeout }) => {
  const knex = wrapKnex(
    createKnex({
      client: 'pg',
      connection: { connectionString, ...(queryTimeout === undefined ? {} : { query_timeout: queryTimeout }) },
      pool: { min: 0, max: 1 },
      // It would write out each connection that is lost.
      log: { error: () => {}, warn: () => {} },
    }),
  );
  return {
    ways: {
      'a builder': (body) => knex('notes').insert({ body }),
      'a raw statement': (body) => knex.raw(insertOf(body)),
      'a transaction': (body) => knex.transaction((trx) => trx('notes').insert({ body })),
      'a nested transaction': (body) =>
        knex.transaction((outer) => outer.transaction((inner) => inner('notes').insert({ body }))),
    },
    run: (text) => knex.raw(text),
    transaction: (body) => knex.transaction((trx) => body(async (text) => (await trx.raw(text)).rows)),
    end: () => knex.destroy(),
  };
});

test('a builder that Knex cancels after its time-out writes nothing, and its connection serves the next caller', async () => {
  const { admin, url } = await createTestDatabase();
  await createNotes(admin);
  // Knex cancels through a second connection.
  const knex = wrapKnex(createKnex({ client: 'pg', connection: url, pool: { min: 0, max: 2 } }));
  const blocker = await admin.connect();
  await blocker.query('begin; lock table notes');
  const slow = () => knex('notes').insert({ body: 'A' }).timeout(50, { cancel: true });
  await assert.rejects(runWithActor(actor.user('A'), slow), /timeout/i);
  await blocker.query('rollback');
  blocker.release();
  await runWithActor(actor.user('B'), () => knex('notes').insert({ body: 'B' }));
  await knex('notes').insert({ body: 'bare' });
  await knex.destroy();
  assert.deepEqual(
    (await readNotes(admin)).map((row) => [row.body, row.actor]),
    [
      ['B', 'B'],
      ['bare', null],
    ],
  );
});
