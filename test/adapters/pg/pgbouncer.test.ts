import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import pg from 'pg';
import { wrapPool } from '../../../src/adapters/pg/index.ts';
import { actor, runWithActor } from '../../../src/index.ts';
import { createTestDatabase } from '../../support/database.ts';
import { createNotes, readNotes } from '../../support/notes.ts';
import { pgBouncerVersion, startPgBouncer, withoutPgBouncer } from '../../support/pgbouncer.ts';

const INSERT = 'insert into notes (body) values ($1)';
const [major, minor] = withoutPgBouncer ? [0, 0] : pgBouncerVersion();
const preparedStatements = major > 1 || minor >= 21;

/** Every mode that the installed version has. */
const MODES: Readonly<Record<string, Readonly<Record<string, string | number>>>> = {
  'transaction pooling, one server connection': { pool_mode: 'transaction', default_pool_size: 1 },
  'transaction pooling, five server connections': { pool_mode: 'transaction', default_pool_size: 5 },
  'statement pooling, one server connection': { pool_mode: 'statement', default_pool_size: 1 },
  ...(preparedStatements
    ? {
        'transaction pooling with prepared statements': {
          pool_mode: 'transaction',
          default_pool_size: 1,
          max_prepared_statements: 100,
        },
      }
    : {}),
};

describe('through PgBouncer no value crosses clients', { skip: withoutPgBouncer }, () => {
  for (const [name, settings] of Object.entries(MODES))
    test(name, async () => {
      const database = await createTestDatabase();
      await createNotes(database.admin);
      const bouncer = await startPgBouncer({ server: database, settings });
      const pools = Array.from({ length: 4 }, () =>
        wrapPool(new pg.Pool({ connectionString: bouncer.url(database.name), max: 3 })),
      );
      const plain = new pg.Pool({ connectionString: bouncer.url(database.name), max: 3 });
      try {
        const work = Array.from({ length: 200 }, async (_unused, index) => {
          const pool = pools[index % pools.length] as pg.Pool;
          const body = `user ${index}`;
          if (index % 5 === 0) return plain.query(INSERT, ['nobody']);
          if (index % 5 === 1) return pool.query(INSERT, ['nobody']);
          if (index % 5 === 2 && settings['pool_mode'] === 'transaction')
            return runWithActor(actor.user(body), () => transaction(pool, body));
          if (index % 5 === 3)
            return runWithActor(actor.user(body), () => pool.query(`insert into notes (body) values ('${body}')`));
          return runWithActor(actor.user(body), () => pool.query(INSERT, [body]));
        });
        await Promise.all(work);
        const rows = await readNotes(database.admin);
        assert.ok(rows.length >= 200);
        for (const row of rows) assert.equal(row.actor ?? 'nobody', row.body);
      } finally {
        await Promise.all([...pools, plain].map((pool) => pool.end()));
        await bouncer.stop();
      }
    });
});

async function transaction(pool: pg.Pool, body: string): Promise<void> {
  const client = await pool.connect();
  await client.query('begin');
  await client.query(INSERT, [body]);
  await client.query(INSERT, [body]);
  await client.query('commit');
  client.release();
}
