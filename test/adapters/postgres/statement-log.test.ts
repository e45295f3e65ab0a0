import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import postgres, { type Sql } from 'postgres';
import { wrapPostgres } from '../../../src/adapters/postgres/index.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { createNotes } from '../../support/notes.ts';
import { LOG_END, LOG_START, loggedStatements, NO_LOG, writesSettings } from '../../support/statement-log.ts';
import { as, INSERTS_ON_POOL, quiet } from './shapes.ts';

let database: TestDatabase;

before(async () => {
  database = await createTestDatabase();
  await createNotes(database.admin);
  await database.admin.query(`alter database ${database.name} set log_statement = 'all'`);
});

/** The statements that `work` makes the server run, out of its log; undefined where the log is not to be had. */
async function statementsOf(work: (sql: Sql) => PromiseLike<unknown>): Promise<readonly string[] | undefined> {
  const sql = wrapPostgres(postgres(database.url, quiet({ max: 1 })));
  await sql.unsafe(LOG_START);
  await as('A', () => work(sql));
  await sql.unsafe(LOG_END);
  await sql.end();
  return loggedStatements(database);
}

test('settings are written once per transaction, right before the first statement that may write', async (t) => {
  const statements = await statementsOf((sql) =>
    sql.begin(async (tx) => {
      await tx`set transaction isolation level serializable`;
      await tx`select count(*) from notes`;
      for (const body of ['a', 'b', 'c']) await tx`insert into notes (body) values (${body})`;
      await tx.savepoint((sp) => sp`insert into notes (body) values ('d')`);
    }),
  );
  if (!statements) return t.skip(NO_LOG);
  assert.deepEqual(
    statements.map((statement) => (writesSettings(statement) ? 'SETTINGS' : statement.split(' ')[0])),
    'begin set select SETTINGS insert insert insert savepoint SETTINGS insert commit'.split(' '),
  );
});

test('outside a transaction each write has its settings, and what cannot write has none', async (t) => {
  const statements = await statementsOf(async (sql) => {
    await sql`select count(*) from notes where body = ${'x'}`;
    await sql.unsafe('select 1; select 2');
    await sql`insert into notes (body) values (${'x'})`;
    await sql.unsafe('vacuum notes');
    await sql.unsafe("start transaction; insert into notes (body) values ('y'); commit");
    await sql`insert into notes (body) values (${'x'})`.describe();
  });
  if (!statements) return t.skip(NO_LOG);
  assert.equal(statements.filter(writesSettings).length, 2, statements.join('\n'));
});

test('no call shape ever writes a setting for the session', async (t) => {
  const statements = await statementsOf(async (sql) => {
    for (const [, insert] of INSERTS_ON_POOL) await insert(sql, 'x');
  });
  if (!statements) return t.skip(NO_LOG);
  const written = statements.filter(writesSettings);
  assert.ok(written.length >= INSERTS_ON_POOL.length);
  for (const statement of written) {
    assert.doesNotMatch(statement, /,\s*false\)|\bset\s/i);
    assert.match(statement, / where pg_catalog\.set_config\('threadline\.actor_ref', .*, true\) is (?:not )?null/);
  }
});
