import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { ERROR_CODES } from '../../src/core/errors.ts';

test('docs/errors.md lists exactly the error codes that the code has, each with a remedy', async () => {
  const page = await readFile(new URL('../../docs/errors.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| `(TL_[A-Z_]+)` \| (.+) \| (.+) \|$/gm)];
  assert.deepEqual(rows.map((row) => row[1]).sort(), Object.keys(ERROR_CODES).sort());
  for (const [, , what, remedy] of rows) assert.ok(what && remedy && remedy.trim().length > 10);
});
