import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { wrapPool } from '../../src/adapters/pg/index.ts';
import { actor, isThreadlineError, runDetached, runWithActor, runWithContext } from '../../src/index.ts';
import { type ActionOptions, recordAction, timeline } from '../../src/query/index.ts';
import type { TestDatabase } from '../support/database.ts';
import { auditedDatabase } from './audited-database.ts';

let database: TestDatabase;
let wrapped: pg.Pool;
let plain: pg.Pool;

before(async () => {
  database = await auditedDatabase(
    'create table members (id int generated always as identity primary key, role text)',
    ['members'],
  );
  plain = database.admin;
  wrapped = wrapPool(new pg.Pool({ connectionString: database.url, max: 2 }));
});
after(() => wrapped.end());

/** Runs `work` in a transaction on a client of the pool. */
async function inTransaction(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<void>): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    await work(client);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  } finally {
    client.release();
  }
}

const insert = `insert into members (role) values ('owner')`;

async function actions(): Promise<readonly Record<string, unknown>[]> {
  const { rows } = await plain.query(`select id::text, name, actor_ref, status, verb, category, reason, comment,
    correlation_id, request_id, job_id, meta from threadline.audit_actions order by id`);
  return rows;
}

test('an action is linked to the changes of its transaction, those before it and those after it', async () => {
  await runWithContext(
    { actor: actor.user('ada'), correlationId: 'c-link', requestId: 'r-1', jobId: 'j-1' },
    async () => {
      await inTransaction(wrapped, async (client) => {
        await client.query(insert);
        await recordAction(client, 'member.role_changed', {
          status: 'error',
          verb: 'update',
          category: 'access',
          reason: 'T-1',
          comment: 'two\nlines',
          meta: { from: 'user', big: [1.5] },
        });
        await client.query(insert);
      });
      await wrapped.query(insert);
    },
  );
  const [other, second, first] = await timeline(plain, { correlationId: 'c-link' });
  assert.equal(other?.transaction.action, null);
  assert.deepEqual(second?.transaction, first?.transaction);
  const { id, at, ...action } = first?.transaction.action ?? { id: '', at: '' };
  assert.deepEqual(action, {
    name: 'member.role_changed',
    status: 'error',
    verb: 'update',
    category: 'access',
    reason: 'T-1',
    comment: 'two\nlines',
    meta: { from: 'user', big: [1.5] },
  });
  assert.match(at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  const recorded = (await actions()).find((row) => row['id'] === id);
  assert.deepEqual(
    [recorded?.['actor_ref'], recorded?.['correlation_id'], recorded?.['request_id'], recorded?.['job_id']],
    [{ type: 'user', id: 'ada' }, 'c-link', 'r-1', 'j-1'],
  );
});

test('an action carries the context of the running code also through a handle that no adapter wraps', async () => {
  const { id } = await runWithActor(actor.admin('bob'), () => recordAction(plain, 'door.opened'));
  const recorded = (await actions()).find((row) => row['id'] === id);
  assert.deepEqual(recorded?.['actor_ref'], { type: 'admin', id: 'bob' });
  assert.equal(recorded?.['status'], 'ok');
  let linked = '';
  await runWithActor(actor.admin('bob'), () =>
    inTransaction(plain, async (client) => {
      await client.query(insert);
      linked = (await recordAction(client, 'door.closed')).id;
      const { rows } = await client.query(`select current_setting('threadline.actor_ref', true) as setting`);
      assert.equal(rows[0].setting || '', '', 'the settings are left alone');
    }),
  );
  const [change] = await timeline(plain, { limit: 1 });
  assert.equal(change?.transaction.action?.id, linked);
});

test('an action without a context has no actor, even on a connection that had one', async () => {
  await runWithActor(actor.user('ada'), () => wrapped.query(insert));
  const { id } = await runDetached(() => recordAction(wrapped, 'cache.cleared'));
  assert.equal((await actions()).find((row) => row['id'] === id)?.['actor_ref'], null);
});

test('an action is undone with its transaction', async () => {
  const count = (await actions()).length;
  await assert.rejects(
    inTransaction(wrapped, async (client) => {
      await recordAction(client, 'member.removed');
      throw new Error('rolled back');
    }),
    /rolled back/,
  );
  assert.equal((await actions()).length, count);
});

test('an actor that changes within a transaction gets the action of its own', async () => {
  await inTransaction(wrapped, async (client) => {
    await runWithActor(actor.user('u1'), () => client.query(insert));
    await runWithActor(actor.user('u2'), async () => {
      await client.query(insert);
      await recordAction(client, 'member.approved');
    });
  });
  const [second, first] = await timeline(plain, { limit: 2 });
  assert.deepEqual([first?.transaction.actor, first?.transaction.action], [{ type: 'user', id: 'u1' }, null]);
  assert.deepEqual(second?.transaction.actor, { type: 'user', id: 'u2' });
  assert.equal(second?.transaction.action?.name, 'member.approved');
});

test('a name or an option of the wrong shape is refused before anything is sent', async () => {
  const database = { query: () => assert.fail('nothing may be sent') };
  const names = ['', 'Member.changed', 'member..x', '.x', 'x.', 'member role', `a${'.b'.repeat(128)}`, 7, undefined];
  for (const name of names)
    await assert.rejects(recordAction(database, name as string), { code: 'TL_ACTION_INVALID' }, String(name));
  const options: readonly [object, RegExp][] = [
    [{ why: 'x' }, /unknown option why; the known ones are status, verb, category, reason, comment, meta, schema/],
    [{ status: 'failed' }, /status: must be one of ok, error/],
    [{ verb: 'x'.repeat(256) }, /verb: must have at most 255/],
    [{ reason: 7 }, /reason/],
  ];
  for (const [wrong, message] of options)
    await assert.rejects(recordAction(database, 'a.b', wrong as ActionOptions), { code: 'TL_ACTION_INVALID', message });
  await assert.rejects(
    recordAction(database, 'a.b', { meta: { text: 'x'.repeat(9000) } }),
    (error) => isThreadlineError(error) && error.code === 'TL_CONTEXT_TOO_LARGE',
  );
  for (const meta of [[], 'x', 7])
    await assert.rejects(recordAction(database, 'a.b', { meta } as never), { code: 'TL_ACTION_INVALID' });
});

test('a name of 255 characters and names of one word are taken', async () => {
  for (const name of ['imported', 'user.2fa_enabled', `a${'.b'.repeat(127)}`]) {
    const { id } = await recordAction(plain, name);
    assert.equal((await actions()).find((row) => row['id'] === id)?.['name'], name);
  }
});

test('an action in a database without Threadline is told so', async () => {
  await assert.rejects(recordAction(plain, 'a.b', { schema: 'elsewhere' }), { code: 'TL_NOT_INSTALLED' });
});
