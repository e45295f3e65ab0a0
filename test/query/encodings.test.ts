import assert from 'node:assert/strict';
import { test } from 'node:test';
import { actor } from '../../src/index.ts';
import { actorHistory, recordAction, timeline } from '../../src/query/index.ts';
import { install, installTriggers } from '../../src/sql/index.ts';
import { createTestDatabase } from '../support/database.ts';
import { writeUnder } from './audited-database.ts';

for (const encoding of ['UTF8', 'LATIN1', 'SQL_ASCII']) {
  test(`in a ${encoding} database, what a context said in any characters is found again by them`, async () => {
    const { admin } = await createTestDatabase(`encoding '${encoding}' lc_collate 'C' lc_ctype 'C'`);
    await install(admin);
    await admin.query('create table rows (id int generated always as identity primary key)');
    await installTriggers(admin, { tables: ['rows'] });
    for (const id of ['ada', 'Zoë', 'Ада 😀']) {
      await writeUnder(admin, { actor: actor.user(id), correlationId: id }, 'insert into rows default values');
      assert.equal((await actorHistory(admin, actor.user(id))).length, 1, id);
      assert.equal((await timeline(admin, { correlationId: id })).length, 1, id);
    }
  });

  test(`in a ${encoding} database, an action is recorded whatever its reason is written in, and its transaction goes on`, async () => {
    const { admin } = await createTestDatabase(`encoding '${encoding}' lc_collate 'C' lc_ctype 'C'`);
    await install(admin);
    const client = await admin.connect();
    try {
      await client.query('begin');
      await recordAction(client, 'order.cancelled', { reason: 'по просьбе клиента', meta: { ключ: '😀' } });
      await client.query('commit');
    } finally {
      client.release(true);
    }
    const { rows } = await admin.query('select reason, meta::text from threadline.audit_actions');
    const escaped = encoding === 'UTF8' ? 'по просьбе клиента' : String.raw`\u043f\u043e \u043f\u0440`;
    assert.ok(String(rows[0].reason).startsWith(escaped));
    assert.equal(rows.length, 1);
  });
}
