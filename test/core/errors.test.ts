import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERROR_CODES } from '../../src/core/errors.ts';
import { isThreadlineError, ThreadlineError } from '../../src/index.ts';

test('an error carries its code, its message and its cause', () => {
  const cause = new Error('underneath');
  const error = new ThreadlineError('TL_ACTOR_INVALID', 'do this', { cause });
  assert.ok(error instanceof Error);
  assert.deepEqual(
    [error.name, error.code, error.message, error.cause],
    ['ThreadlineError', 'TL_ACTOR_INVALID', 'do this', cause],
  );
  assert.match(String(error.stack), /errors\.test/);
  assert.deepEqual(Object.keys(error), ['code', 'name'].sort());
  assert.equal('cause' in new ThreadlineError('TL_ACTOR_INVALID', 'do this'), false);
});

test('nothing else is taken for one', () => {
  for (const value of [new Error('x'), { code: 'TL_ACTOR_INVALID' }, null, undefined, 'TL_ACTOR_INVALID', () => {}])
    assert.equal(isThreadlineError(value), false);
  assert.equal(isThreadlineError(new ThreadlineError('TL_ACTOR_INVALID', '')), true);
});

test('every code has a name of one pattern and a sentence', () => {
  for (const [code, sentence] of Object.entries(ERROR_CODES)) {
    assert.match(code, /^TL(_[A-Z]+){2,}$/);
    assert.match(sentence, /^[A-Z].*\.$/);
  }
});
