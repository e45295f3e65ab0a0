import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isSafeCorrelationId, newCorrelationId, traceIdOf } from '../../src/core/correlation.ts';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN_ID = '00f067aa0ba902b7';

test('a new correlation id is random and may itself be taken over', () => {
  assert.notEqual(newCorrelationId(), newCorrelationId());
  assert.ok(isSafeCorrelationId(newCorrelationId()));
});

test('ids as they are in use are taken over', () => {
  for (const id of ['1', 'a', TRACE_ID, '0192f1c4-6a4e-7cc2-8f2b', 'Root=1-67891233-abcdef', 'a/b+c==', 'x~y@z:1_2.3'])
    assert.equal(isSafeCorrelationId(id), true, id);
  assert.equal(isSafeCorrelationId('x'.repeat(128)), true);
});

test('whatever is empty, too long, of another charset or no text is not taken over', () => {
  for (const id of [
    '',
    ' ',
    'x'.repeat(129),
    'a b',
    'a,b',
    'a\n',
    'a\r\nb',
    '\u0000',
    'a"',
    "a'",
    'a;b',
    '<a>',
    'a\\b',
  ])
    assert.equal(isSafeCorrelationId(id), false, JSON.stringify(id));
  for (const id of ['-a', '.a', '/a', 'caf\u00e9', '\uff41', '\u0661', '%0a', '$1', '{a}'])
    assert.equal(isSafeCorrelationId(id), false, id);
  for (const id of [undefined, null, 7, {}, ['a'], new String('a')]) assert.equal(isSafeCorrelationId(id), false);
});

test('what is taken over is printable ASCII that needs no quoting anywhere', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.string({ maxLength: 200 })), (id) => {
      return !isSafeCorrelationId(id) || (/^[!-~]{1,128}$/.test(id) && !/["'`\\,;<>{}$&%?*()[\]|^!#]/.test(id));
    }),
    { numRuns: 2000 },
  );
});

test('the trace id is read out of a traceparent', () => {
  assert.equal(traceIdOf(`00-${TRACE_ID}-${SPAN_ID}-01`), TRACE_ID);
  assert.equal(traceIdOf(`00-${TRACE_ID}-${SPAN_ID}-00`), TRACE_ID);
});

test('a later version may carry more behind it, version 00 may not', () => {
  assert.equal(traceIdOf(`01-${TRACE_ID}-${SPAN_ID}-01`), TRACE_ID);
  assert.equal(traceIdOf(`cc-${TRACE_ID}-${SPAN_ID}-01-what-comes`), TRACE_ID);
  assert.equal(traceIdOf(`cc-${TRACE_ID}-${SPAN_ID}-01.what`), undefined);
  assert.equal(traceIdOf(`00-${TRACE_ID}-${SPAN_ID}-01-what-comes`), undefined);
  assert.equal(traceIdOf(`00-${TRACE_ID}-${SPAN_ID}-01-`), undefined);
});

test('a traceparent that is malformed has no trace id', () => {
  for (const header of [
    '',
    TRACE_ID,
    `ff-${TRACE_ID}-${SPAN_ID}-01`,
    `00-${'0'.repeat(32)}-${SPAN_ID}-01`,
    `00-${TRACE_ID}-${'0'.repeat(16)}-01`,
    `00-${TRACE_ID.toUpperCase()}-${SPAN_ID}-01`,
    `00-${TRACE_ID}-${SPAN_ID}`,
    `00-${TRACE_ID}-${SPAN_ID}-1`,
    `0-${TRACE_ID}-${SPAN_ID}-01`,
    `00-${TRACE_ID.slice(1)}-${SPAN_ID}-01`,
    `00-${TRACE_ID}0-${SPAN_ID}-01`,
    ` 00-${TRACE_ID}-${SPAN_ID}-01`,
    `00-${TRACE_ID}-${SPAN_ID}-01\n`,
    `00-${TRACE_ID}-${SPAN_ID}-01, 00-${TRACE_ID}-${SPAN_ID}-01`,
    `00_${TRACE_ID}_${SPAN_ID}_01`,
  ])
    assert.equal(traceIdOf(header), undefined, header);
  for (const header of [undefined, null, 7, [`00-${TRACE_ID}-${SPAN_ID}-01`]])
    assert.equal(traceIdOf(header), undefined);
});

test('of any text, the trace id is either absent or 32 hexadecimal digits out of it that are not all zero', () => {
  const hex = (length: number) =>
    fc.string({ unit: fc.constantFrom(...'0123456789abcdefABCg-'), minLength: length - 1, maxLength: length });
  const parts = fc.tuple(hex(2), hex(32), hex(16), hex(2)).map((all) => all.join('-'));
  fc.assert(
    fc.property(fc.oneof(fc.string(), parts), (header) => {
      const id = traceIdOf(header);
      return id === undefined || (/^[0-9a-f]{32}$/.test(id) && /[^0]/.test(id) && header.slice(3, 35) === id);
    }),
    { numRuns: 5000 },
  );
  const nonZero = (length: number) =>
    fc
      .string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length })
      .filter((text) => /[^0]/.test(text));
  fc.assert(fc.property(nonZero(32), nonZero(16), (trace, span) => traceIdOf(`00-${trace}-${span}-01`) === trace));
});
