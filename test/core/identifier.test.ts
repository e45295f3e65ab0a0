import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseTableName, quoteIdentifier, quoteLiteral, quoteTableName } from '../../src/core/identifier.ts';
import { createTestDatabase } from '../support/database.ts';

const database = await createTestDatabase();
const invalid = { code: 'TL_IDENTIFIER_INVALID' };
const name = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 20 })
  .filter((text) => text.isWellFormed() && !text.includes('\u0000'));
const nasty = fc.constantFrom(
  '"',
  '""',
  "'",
  '\\',
  '.',
  'a.b',
  ' ',
  'SELECT',
  'Caf\u00e9',
  '\u{1f600}',
  '$1',
  '?',
  '--',
  ';',
  '\n',
);

test('a table name is read as PostgreSQL reads it', () => {
  const cases: readonly (readonly [text: string, parsed: object])[] = [
    ['users', { name: 'users' }],
    ['Users', { name: 'users' }],
    ['"Users"', { name: 'Users' }],
    ['sales.orders', { schema: 'sales', name: 'orders' }],
    [' sales . orders ', { schema: 'sales', name: 'orders' }],
    ['"a.b"."c""d"', { schema: 'a.b', name: 'c"d' }],
    ['"Mixed Case".plain', { schema: 'Mixed Case', name: 'plain' }],
    ['_x$1', { name: '_x$1' }],
    ['\u00c9T\u00c9', { name: '\u00c9t\u00c9' }],
    ['\u8868', { name: '\u8868' }],
  ];
  for (const [text, parsed] of cases) assert.deepEqual(parseTableName(text), parsed, text);
});

test('PostgreSQL itself resolves what was written to the table that was read', async () => {
  const { admin } = database;
  await admin.query('create schema "Odd.Schema"');
  for (const written of [
    'plain',
    'UPPER',
    '"Quoted"',
    'public.dotted',
    '"Odd.Schema"."in side"',
    '\u00e9t\u00e9',
    '_x$1',
    '"q""q"',
  ]) {
    await admin.query(`create table ${written} ()`);
    const { rows } = await admin.query('select to_regclass($1) = to_regclass($2) as same', [
      written,
      quoteTableName(parseTableName(written)),
    ]);
    assert.equal(rows[0].same, true, written);
  }
});

test('whatever is no table name is refused', () => {
  for (const text of [
    '',
    ' ',
    '.',
    'a.',
    '.a',
    'a..b',
    'a.b.c',
    'a b',
    '1a',
    'a-b',
    '"a',
    'a"',
    '""',
    '"a"b',
    'a;b',
    "a'b",
    'a.""',
    '$a',
  ])
    assert.throws(() => parseTableName(text), invalid, text);
});

test('any two names come back from their quoted text', () => {
  const part = fc.oneof(name, nasty);
  fc.assert(
    fc.property(part, part, (schema, table) => {
      assert.deepEqual(parseTableName(quoteTableName({ schema, name: table })), { schema, name: table });
      assert.deepEqual(parseTableName(quoteTableName({ name: table })), { name: table });
    }),
    { numRuns: 1000 },
  );
});

test('any text either is a table name that stays the same, or is refused', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(nasty).map((parts) => parts.join('')),
        fc.stringMatching(/^["a-zA-Z. ]*$/),
      ),
      (text) => {
        try {
          const parsed = parseTableName(text);
          assert.deepEqual(parseTableName(quoteTableName(parsed)), parsed);
        } catch (error) {
          assert.equal((error as { code?: unknown }).code, invalid.code);
        }
      },
    ),
    { numRuns: 5000 },
  );
});

describe('SQL text', () => {
  test('an identifier comes through as the name of a column', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(name, nasty), async (column) => {
        const { fields } = await database.admin.query(`select 1 as ${quoteIdentifier(column)}`);
        assert.equal(fields[0]?.name, truncated(column));
      }),
      { numRuns: 200 },
    );
  });

  test('a literal comes through as its value under either setting of standard_conforming_strings', async () => {
    const client = await database.admin.connect();
    for (const setting of ['on', 'off']) {
      await client.query(`set standard_conforming_strings = ${setting}`);
      await client.query('set escape_string_warning = off');
      await fc.assert(
        fc.asyncProperty(
          fc.oneof(
            fc.constant(''),
            name,
            fc.array(nasty).map((parts) => parts.join('')),
          ),
          async (value) => {
            const { rows } = await client.query(`select ${quoteLiteral(value)} as value`);
            assert.equal(rows[0].value, value);
          },
        ),
        { numRuns: 150 },
      );
    }
    client.release(true);
  });

  test('what PostgreSQL cannot hold is refused', () => {
    for (const bad of ['', 'a\u0000', '\ud800']) assert.throws(() => quoteIdentifier(bad), invalid);
    for (const bad of ['\u0000', 'a\u0000']) assert.throws(() => quoteLiteral(bad), invalid);
  });
});

/** PostgreSQL keeps 63 bytes of an identifier, whole characters only. */
function truncated(identifier: string): string {
  let kept = '';
  for (const character of identifier) {
    if (Buffer.byteLength(kept + character) > 63) break;
    kept += character;
  }
  return kept;
}
