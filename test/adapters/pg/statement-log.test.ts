import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import pg from 'pg';
import { wrapPool } from '../../../src/adapters/pg/index.ts';
import { actor, runWithActor } from '../../../src/index.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { createNotes } from '../../support/notes.ts';
import { LOG_END, LOG_START, loggedStatements, NO_LOG, writesSettings } from '../../support/statement-log.ts';

let database: TestDatabase;

before(async () => {
  database = await createTestDatabase();
  await createNotes(database.admin);
  await database.admin.query(`alter database ${database.name} set log_statement = 'all'`);
});

/** The statements that `work` makes the server run, out of its log; undefined where the log is not to be had. */
async function statementsOf(work: (pool: pg.Pool) => Promise<unknown>): Promise<readonly string[] | undefined> {
  const pool = wrapPool(new pg.Pool({ connectionString: database.url, max: 1 }));
  await pool.query(LOG_START);
  await runWithActor(actor.user('A'), () => work(pool));
  await pool.query(LOG_END);
  await pool.end();
  return loggedStatements(database);
}

test('settings are written once per transaction, right before the first statement that may write, and never for the session', async (t) => {
  const statements = await statementsOf(async (pool) => {
    const client = await pool.connect();
    await client.query('begin');
    await client.query('set transaction isolation level serializable');
    await client.query('select count(*) from notes');
    for (const body of ['a', 'b', 'c']) await client.query('insert into notes (body) values ($1)', [body]);
    await client.query('commit');
    client.release();
  });
  if (!statements) return t.skip(NO_LOG);
  assert.deepEqual(
    statements.map((statement) => (writesSettings(statement) ? 'SETTINGS' : statement.split(' ')[0])),
    ['begin', 'set', 'select', 'SETTINGS', 'insert', 'insert', 'insert', 'commit'],
  );
  for (const statement of statements.filter(writesSettings))
    assert.match(statement, / where pg_catalog\.set_config\('threadline\.actor_ref', \$1, true\)/);
});

test('outside a transaction each write has its settings, and what cannot write has none', async (t) => {
  const statements = await statementsOf(async (pool) => {
    await pool.query('select count(*) from notes where body = $1', ['x']);
    await pool.query("insert into notes (body) values ('x')");
    await pool.query('vacuum notes');
    await pool.query("begin; insert into notes (body) values ('y'); commit");
  });
  if (!statements) return t.skip(NO_LOG);
  assert.equal(statements.filter(writesSettings).length, 2, statements.join('\n'));
  for (const statement of statements.filter(writesSettings)) {
    assert.doesNotMatch(statement, /,\s*false\)/);
    assert.match(statement, /, true\) is (?:not )?null/);
  }
});
