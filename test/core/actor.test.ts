import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ACTOR_TYPES, actor, isThreadlineError, parseActor, type ThreadlineErrorCode } from '../../src/index.ts';

const refused = (code: ThreadlineErrorCode, value: unknown): void =>
  assert.throws(
    () => parseActor(value),
    (error) => isThreadlineError(error) && error.code === code && error.message.startsWith('Invalid actor: '),
  );

test('each of the six types has its maker, and only the anonymous actor has no id', () => {
  assert.deepEqual(
    [
      actor.user('1'),
      actor.admin('2'),
      actor.serviceAccount('3'),
      actor.job('4'),
      actor.system('5'),
      actor.anonymous(),
    ],
    ACTOR_TYPES.map((type, index) => (type === 'anonymous' ? { type } : { type, id: String(index + 1) })),
  );
});

test('an actor is frozen, and what is taken over is a copy', () => {
  const given = { type: 'user', id: '42' };
  const taken = parseActor(given);
  given.id = '43';
  assert.deepEqual(taken, { type: 'user', id: '42' });
  assert.ok(Object.isFrozen(taken));
  assert.ok(Object.isFrozen(actor.anonymous()));
  assert.equal(parseActor(taken), taken);
});

describe('each way of being wrong has its own code', () => {
  const cases: readonly (readonly [code: ThreadlineErrorCode, what: string, value: unknown])[] = [
    ['TL_ACTOR_INVALID', 'nothing', undefined],
    ['TL_ACTOR_INVALID', 'null', null],
    ['TL_ACTOR_INVALID', 'a string', 'user:42'],
    ['TL_ACTOR_INVALID', 'an array', ['user', '42']],
    ['TL_ACTOR_INVALID', 'a further field', { type: 'user', id: '42', name: 'Ada' }],
    ['TL_ACTOR_TYPE_UNKNOWN', 'no type', { id: '42' }],
    ['TL_ACTOR_TYPE_UNKNOWN', 'another type', { type: 'robot', id: '42' }],
    ['TL_ACTOR_TYPE_UNKNOWN', 'a type in another case', { type: 'User', id: '42' }],
    ['TL_ACTOR_TYPE_UNKNOWN', 'a name that every object has', { type: 'constructor', id: '42' }],
    ['TL_ACTOR_ID_MISSING', 'no id', { type: 'user' }],
    ['TL_ACTOR_ID_MISSING', 'null as id', { type: 'user', id: null }],
    ['TL_ACTOR_ID_NOT_STRING', 'a number as id', { type: 'user', id: 42 }],
    ['TL_ACTOR_ID_NOT_STRING', 'a bigint as id', { type: 'user', id: 42n }],
    ['TL_ACTOR_ID_NOT_STRING', 'an object as id', { type: 'user', id: { toString: () => '42' } }],
    ['TL_ACTOR_ID_EMPTY', 'an empty id', { type: 'user', id: '' }],
    ['TL_ACTOR_ID_TOO_LONG', 'an id of 256 characters', { type: 'user', id: 'x'.repeat(256) }],
    ['TL_ACTOR_ID_TOO_LONG', 'an id of 256 emoji', { type: 'user', id: '\u{1f600}'.repeat(256) }],
    ['TL_ACTOR_ID_CONTROL_CHARACTER', 'U+0000', { type: 'user', id: 'a\u0000' }],
    ['TL_ACTOR_ID_CONTROL_CHARACTER', 'a line break', { type: 'user', id: 'a\nb' }],
    ['TL_ACTOR_ID_CONTROL_CHARACTER', 'U+007F', { type: 'user', id: 'a\u007f' }],
    ['TL_ACTOR_ID_CONTROL_CHARACTER', 'U+0085', { type: 'user', id: 'a\u0085' }],
    ['TL_ACTOR_ID_MALFORMED', 'the first half of a surrogate pair', { type: 'user', id: 'a\ud83d' }],
    ['TL_ACTOR_ID_MALFORMED', 'the second half of a surrogate pair', { type: 'user', id: '\ude00a' }],
    ['TL_ACTOR_ID_UNEXPECTED', 'an anonymous actor with an id', { type: 'anonymous', id: '42' }],
  ];
  for (const [code, what, value] of cases) test(`${what}: ${code}`, () => refused(code, value));

  test('the makers refuse as well', () => {
    assert.throws(() => actor.user(''), { code: 'TL_ACTOR_ID_EMPTY' });
    assert.throws(() => actor.job(7 as unknown as string), { code: 'TL_ACTOR_ID_NOT_STRING' });
  });

  test('the refused value is not in the message', () => {
    for (const value of [{ type: 'secret-1' }, { type: 'user', id: `secret-1${'x'.repeat(300)}` }])
      assert.throws(
        () => parseActor(value),
        (error) => error instanceof Error && !error.message.includes('secret-1'),
      );
  });
});

test('an id may be 255 characters of any script', () => {
  for (const id of ['x'.repeat(255), '\u{1f600}'.repeat(255), '\u7528\u6237-42', 'a b', "o'neil", '"; drop table x']) {
    assert.deepEqual(actor.user(id), { type: 'user', id });
  }
});

test('any value is either an actor or refused with a code', () => {
  fc.assert(
    fc.property(fc.anything({ withBigInt: true, withNullPrototype: true }), (value) => {
      try {
        parseActor(value);
      } catch (error) {
        return isThreadlineError(error) && error.code.startsWith('TL_ACTOR_');
      }
      return true;
    }),
  );
  fc.assert(
    fc.property(fc.constantFrom(...ACTOR_TYPES), fc.string({ unit: 'binary', maxLength: 300 }), (type, id) => {
      try {
        const parsed = parseActor({ type, id });
        return 'id' in parsed && parsed.id === id && id.isWellFormed() && !/\p{Cc}/u.test(id);
      } catch (error) {
        return isThreadlineError(error) && error.code.startsWith('TL_ACTOR_ID_');
      }
    }),
  );
});
