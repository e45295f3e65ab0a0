import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import postgres, { type Sql } from 'postgres';
import { wrapPostgres } from '../../../src/adapters/postgres/index.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { createNotes, readNotes } from '../../support/notes.ts';
import { type PgBouncer, startPgBouncer, withoutPgBouncer } from '../../support/pgbouncer.ts';
import { keepsPreparedStatements, type PoolerSettings, poolerModes, workers } from '../../support/pooled/processes.ts';
import { type Task, work } from './pooler-client.ts';
import { as, quiet } from './shapes.ts';

interface Pipeline {
  readonly insert: (sql: Sql, body: string) => PromiseLike<unknown>;
  readonly prepare: boolean;
}

// With one server connection for all, every version takes prepared statements.
const PIPELINES: Readonly<Record<string, Pipeline>> = {
  'with parameters': { insert: (sql, body) => sql`insert into notes (body) values (${body})`, prepare: false },
  'without parameters': {
    insert: (sql, body) => sql`insert into notes (body) values ('${sql.unsafe(body)}')`,
    prepare: false,
  },
  texts: { insert: (sql, body) => sql.unsafe(`insert into notes (body) values ('${body}')`), prepare: false },
  prepared: { insert: (sql, body) => sql`insert into notes (body) values (${body})`, prepare: true },
};

describe('through PgBouncer no value crosses clients', { skip: withoutPgBouncer }, () => {
  const processes = workers<Task>(new URL('pooler-client.ts', import.meta.url));

  for (const [mode, settings] of Object.entries(poolerModes(5)))
    test(`${mode}, three processes and a client without the adapter`, async () => {
      const { database, bouncer, url } = await start(settings);
      const task = {
        url,
        prepare: 'max_prepared_statements' in settings,
        transactions: settings['pool_mode'] === 'transaction',
      };
      try {
        await Promise.all([
          ...processes.map((workIn, index) => workIn({ ...task, prefix: `process ${index}` })),
          work({ ...task, prefix: 'here' }),
          writeBare(url),
        ]);
      } finally {
        await bouncer.stop();
      }
      assert.ok((await expectOwnActors(database)) > 200);
    });

  for (const [kind, { insert, prepare }] of Object.entries(PIPELINES))
    for (const length of [10, 20_000])
      test(`many queries on each connection at once, ${kind}, of ${length} characters and more`, async () => {
        const prepared = prepare && keepsPreparedStatements ? { max_prepared_statements: 100 } : {};
        const { database, bouncer, url } = await start({
          pool_mode: 'transaction',
          default_pool_size: 1,
          ...prepared,
        });
        const open = () => wrapPostgres(postgres(url, quiet({ max: 3, prepare, fetch_types: false })));
        const pools = Array.from({ length: 4 }, open);
        try {
          await Promise.all([
            ...Array.from({ length: 400 }, (_unused, index) => {
              const sql = pools[index % pools.length] as Sql;
              const padding = 'x'.repeat(length + 31 * index);
              // What is bare is sent as the driver does it, which PgBouncer may tear apart without the adapter.
              return as(`user ${index}`, () => insert(sql, `user ${index}:${padding}`));
            }),
            writeBare(url),
          ]);
        } finally {
          await Promise.all(pools.map((sql) => sql.end({ timeout: 5 })));
          await bouncer.stop();
        }
        assert.equal(await expectOwnActors(database), 440);
      });
});

async function start(settings: PoolerSettings): Promise<{ database: TestDatabase; bouncer: PgBouncer; url: string }> {
  const database = await createTestDatabase();
  await createNotes(database.admin);
  const bouncer = await startPgBouncer({ server: database, settings });
  return { database, bouncer, url: bouncer.url(database.name) };
}

/** A client without the adapter, which sends one query after the other. */
async function writeBare(url: string): Promise<void> {
  const sql = postgres(url, quiet({ max: 1, prepare: false }));
  for (let time = 0; time < 40; time += 1) await sql`insert into notes (body) values (${'nobody'})`;
  await sql.end();
}

async function expectOwnActors({ admin }: TestDatabase): Promise<number> {
  const rows = await readNotes(admin);
  for (const { body, actor } of rows) assert.equal(actor ?? 'nobody', body.split(':')[0]);
  return rows.length;
}
