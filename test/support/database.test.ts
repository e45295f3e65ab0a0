import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestDatabase } from './database.ts';

test('each test file has a database of its own on a real PostgreSQL', async () => {
  const database = await createTestDatabase();
  const { rows } = await database.admin.query('select current_database() as name, version() as version');
  assert.equal(rows[0].name, database.name);
  assert.match(rows[0].version, /^PostgreSQL 1[4-9]/);
});
