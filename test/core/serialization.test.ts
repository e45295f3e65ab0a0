import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { currentScope } from '../../src/core/store.ts';
import {
  actor,
  currentContext,
  isThreadlineError,
  runWithActor,
  runWithContext,
  runWithSerializedContext,
  serializeContext,
} from '../../src/index.ts';

const context = {
  actor: actor.user('\u7528\u6237'),
  correlationId: 'c-1',
  requestId: 'r-1',
  jobId: 'j-1',
  source: 'http',
  remoteIp: '::1',
  meta: { list: [1, { a: null }], text: '\u{1f600}\u2028' },
};

test('a context survives the way to another process, and so do its settings', () => {
  const text = runWithContext(context, serializeContext);
  assert.deepEqual(
    runWithSerializedContext(text, () => currentContext()),
    context,
  );
  const settings = runWithContext(context, () => currentScope()?.settings);
  assert.deepEqual(
    runWithSerializedContext(text, () => currentScope()?.settings),
    settings,
  );
});

test('outside of any context it is the text of an empty one', () => {
  assert.deepEqual(
    runWithSerializedContext(serializeContext(), () => currentContext()),
    {},
  );
});

test('nothing of the context of whoever reads it is kept', () => {
  const text = runWithContext({ jobId: '17' }, serializeContext);
  assert.deepEqual(
    runWithActor(actor.admin('root'), () => runWithSerializedContext(text, () => currentContext())),
    { jobId: '17' },
  );
});

test('it reaches a worker thread', async () => {
  const worker = new Worker(
    'require("node:worker_threads").parentPort.once("message", function (m) { this.postMessage(m) })',
    {
      eval: true,
    },
  );
  const back = new Promise<string>((resolve) => worker.once('message', resolve));
  worker.postMessage(runWithContext(context, serializeContext));
  const text = await back;
  await worker.terminate();
  assert.deepEqual(
    runWithSerializedContext(text, () => currentContext()?.actor),
    context.actor,
  );
});

test('every context comes through as it is, and fits into 16 KiB', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.jsonValue()),
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 50 }),
      (meta, id) => {
        const scope = runWithContext({ meta: meta as never, actor: actor.job(id) }, () => currentScope());
        const text = runWithContext({ meta: meta as never, actor: actor.job(id) }, serializeContext);
        assert.ok(text.length <= 16_384);
        assert.deepEqual(
          runWithSerializedContext(text, () => currentScope()),
          scope,
        );
      },
    ),
  );
  const largest = { meta: { text: 'x'.repeat(8_172) } };
  assert.deepEqual(
    runWithSerializedContext(runWithContext(largest, serializeContext), () => currentContext()),
    largest,
  );
});

describe('a text that others may have written is refused before anything runs', () => {
  const envelope = (value: unknown): string => JSON.stringify({ v: 1, context: value });
  const cases: readonly (readonly [what: string, code: string, text: unknown])[] = [
    ['no text', 'TL_SERIALIZED_CONTEXT_INVALID', undefined],
    ['an object', 'TL_SERIALIZED_CONTEXT_INVALID', { v: 1, context: {} }],
    ['nothing', 'TL_SERIALIZED_CONTEXT_INVALID', ''],
    ['no JSON', 'TL_SERIALIZED_CONTEXT_INVALID', '{"v":1'],
    ['JSON of something else', 'TL_SERIALIZED_CONTEXT_INVALID', '[]'],
    ['no version', 'TL_SERIALIZED_CONTEXT_INVALID', '{"context":{}}'],
    ['a later version', 'TL_SERIALIZED_CONTEXT_INVALID', '{"v":2,"context":{}}'],
    ['a further field', 'TL_SERIALIZED_CONTEXT_INVALID', '{"v":1,"context":{},"x":1}'],
    ['too much', 'TL_SERIALIZED_CONTEXT_INVALID', envelope({ meta: { text: 'x'.repeat(17_000) } })],
    ['an unknown field of the context', 'TL_SERIALIZED_CONTEXT_INVALID', envelope({ role: 'admin' })],
    ['a prototype', 'TL_SERIALIZED_CONTEXT_INVALID', '{"v":1,"context":{"__proto__":{"jobId":"1"}}}'],
    [
      'a correlation id that is too long',
      'TL_SERIALIZED_CONTEXT_INVALID',
      envelope({ correlationId: 'x'.repeat(129) }),
    ],
    ['an actor of an unknown type', 'TL_ACTOR_TYPE_UNKNOWN', envelope({ actor: { type: 'god', id: '1' } })],
    ['an actor with U+0000', 'TL_ACTOR_ID_CONTROL_CHARACTER', envelope({ actor: { type: 'user', id: 'a\u0000' } })],
    [
      'a context that is too large as settings',
      'TL_CONTEXT_TOO_LARGE',
      envelope({ meta: { text: '\u00e9'.repeat(2_000) } }),
    ],
  ];
  for (const [what, code, text] of cases)
    test(`${what}: ${code}`, () =>
      assert.throws(() => runWithSerializedContext(text as string, () => assert.fail('ran')), { code }));

  test('whatever the text', () => {
    const near = fc
      .tuple(fc.constantFrom(1, 2, '1', null), fc.object())
      .map(([v, value]) => JSON.stringify({ v, context: value }));
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), near), (text) => {
        try {
          return typeof runWithSerializedContext(text, () => currentContext()) === 'object';
        } catch (error) {
          return isThreadlineError(error);
        }
      }),
    );
  });
});
