import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { wrapPool } from '../../src/adapters/pg/index.ts';
import { actor, runWithActor } from '../../src/index.ts';
import { createTestDatabase } from '../support/database.ts';
import { PrismaClient, type PrismaOperation } from './prisma-client.ts';

test('an extension in front of the one that gives a tick may let several contexts go on at once', async () => {
  const { admin, url } = await createTestDatabase();
  await admin.query(`
    create schema conformance;
    create table conformance.writes (
      id bigint generated always as identity,
      label text,
      who text default current_setting('threadline.actor_ref', true)::json ->> 'id'
    )`);
  let open: () => void = () => {};
  const flags = new Promise<void>((resolve) => {
    open = resolve;
  });
  const waiting = async ({ args, query }: PrismaOperation) => {
    await flags;
    return query(args);
  };
  const ownTick = async ({ args, query }: PrismaOperation) => {
    await setImmediate();
    return query(args);
  };
  const pool = wrapPool(new pg.Pool({ connectionString: url, max: 4 }));
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool, { disposeExternalPool: true }) })
    .$extends({ query: { $allOperations: waiting } })
    .$extends({ query: { $allOperations: ownTick } });
  let begun = 0;
  const writes = ['A', 'B', 'C', 'D'].map((label) =>
    runWithActor(actor.user(label), () =>
      prisma.$transaction(async (transaction) => {
        begun += 1;
        await transaction.write.create({ data: { label } });
      }),
    ),
  );
  while (begun < 4) await setImmediate();
  await setImmediate();
  open();
  await Promise.all(writes);
  await prisma.$disconnect();
  const { rows } = await admin.query('select label, who from conformance.writes order by label');
  assert.deepEqual(
    rows,
    ['A', 'B', 'C', 'D'].map((label) => ({ label, who: label })),
  );
});
