import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { EntitySchema, MikroORM } from '@mikro-orm/postgresql';
import { install, installTriggers } from '../../src/index.ts';
import { createTestDatabase } from '../support/database.ts';

test('the schema generator of MikroORM leaves log and triggers alone, set up as the page says', async () => {
  const page = await readFile(new URL('setting-up.md', import.meta.url), 'utf8');
  const [, options = '{}'] = /schemaGenerator: (\{.*\}),/.exec(page) ?? [];
  const { admin, url } = await createTestDatabase();
  await admin.query('create table notes (id serial primary key, body varchar(255) not null)');
  await install(admin);
  await installTriggers(admin, { tables: ['notes'] });
  const notes = new EntitySchema({
    name: 'Note',
    tableName: 'notes',
    properties: { id: { type: 'integer', primary: true }, body: { type: 'string' } },
  });
  const schemaGenerator = JSON.parse(options.replaceAll("'", '"').replaceAll(/(\w+):/g, '"$1":'));
  const orm = await MikroORM.init({ clientUrl: url, entities: [notes], schemaGenerator });
  const statements = await orm.schema.getUpdateSchemaSQL();
  await orm.close();
  assert.equal(statements, '');
});
