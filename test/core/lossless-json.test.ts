import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseLosslessJson } from '../../src/core/lossless-json.ts';

test('a number that JavaScript writes back unchanged is a number, any other a string of its digits', () => {
  assert.deepEqual(parseLosslessJson('[0, -1, 42, 0.5, 9007199254740991, 9007199254740993, 1.50, 1e5, -0, 1e400]'), [
    0,
    -1,
    42,
    0.5,
    9007199254740991,
    '9007199254740993',
    '1.50',
    '1e5',
    '-0',
    '1e400',
  ]);
  assert.equal(parseLosslessJson(' 12345678901234567890 '), '12345678901234567890');
  // Each alone: a text without any such number is parsed as it is.
  for (const number of ['-0', '1.50', '1e5', '12345678901234567890', '-1234567890123456789'])
    for (const before of ['', '[', '[0,\n', '{"a":', '{"a" :\t'])
      assert.match(
        JSON.stringify(parseLosslessJson(`${before} ${number}${before.startsWith('{') ? '}' : before && ']'}`)),
        new RegExp(`"${number}"`),
      );
});

test('digits, quotes and backslashes inside strings and keys stay what they are', () => {
  const value = { '1.50': '1.50', 'a"1.50': '\\', 'b\\': '\\"1.50, 12345678901234567890', '': ': 1.50' };
  assert.deepEqual(parseLosslessJson(JSON.stringify(value)), value);
  assert.deepEqual(parseLosslessJson('{"\\u0022":1.50,"\\\\":"\\\\\\""}'), { '"': '1.50', '\\': '\\"' });
});

test('a key named __proto__ is data', () => {
  const parsed = parseLosslessJson('{"__proto__": 1.50}') as object;
  assert.deepEqual(Object.entries(parsed), [['__proto__', '1.50']]);
});

test('any JSON comes back equal to JSON.parse, its lossy numbers aside', () => {
  const characters = fc.string({ unit: fc.constantFrom('"', '\\', '1', '.', '0', 'e', '-', '\n', '{', '😀', 'x') });
  const leaf = fc.oneof(characters, fc.integer(), fc.boolean(), fc.constant(null));
  const value = fc.letrec((tie) => ({
    node: fc.oneof({ maxDepth: 4 }, leaf, fc.array(tie('node')), fc.dictionary(characters, tie('node'))),
  })).node;
  fc.assert(
    fc.property(value, fc.constantFrom(undefined, 1), (original, indent) => {
      const text = JSON.stringify(original, undefined, indent);
      assert.deepEqual(parseLosslessJson(text), JSON.parse(text));
    }),
    { numRuns: 2000 },
  );
});

test('the digits of any decimal survive, as a number or as a string', () => {
  fc.assert(
    fc.property(fc.bigInt(), fc.nat(), fc.constantFrom('', '0', '00'), (whole, fraction, zeros) => {
      const text = `${whole}.${fraction}${zeros}`;
      const parsed = parseLosslessJson(`{"a":["x",${text},${whole}]}`) as { a: unknown[] };
      assert.equal(String(parsed.a[1]), text);
      assert.equal(String(parsed.a[2]), String(whole));
      assert.equal(typeof parsed.a[2] === 'number', String(Number(whole)) === String(whole));
    }),
    { numRuns: 2000 },
  );
});

test('strings of many megabytes, and ones made of escapes, do not overflow the stack', () => {
  for (const value of ['x'.repeat(20_000_000), '\n"\\'.repeat(2_000_000), '\\'.repeat(4_000_000)])
    assert.equal(parseLosslessJson(JSON.stringify(value)), value);
});

test('what is no JSON is refused', () => {
  for (const text of ['', '{', '"', '"\\"', '[1 2]', 'nul', '1-2', '1.', '01', '[1.50.5]'])
    assert.throws(() => parseLosslessJson(text), SyntaxError);
});
