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

describe('with what the worker knows of its job', () => {
  const text = runWithContext(context, serializeContext);
  const receipts = actor.job('receipts');

  test('it runs as the job, keeps who enqueued it, and all else that the request left', () => {
    assert.deepEqual(
      runWithSerializedContext(text, () => currentContext(), { actor: receipts, jobId: '17', source: 'queue' }),
      {
        ...context,
        actor: receipts,
        jobId: '17',
        source: 'queue',
        meta: { ...context.meta, enqueued_by: context.actor },
      },
    );
  });

  test('what it does not name stays that of the request, but for the id of another job', () => {
    const { jobId: _, ...rest } = context;
    assert.deepEqual(
      runWithSerializedContext(text, () => currentContext(), {}),
      rest,
    );
    assert.equal(
      runWithSerializedContext(text, () => currentContext()?.source, { actor: receipts }),
      'http',
    );
    assert.deepEqual(
      runWithSerializedContext(text, () => currentContext(), { jobId: '17', source: 'queue' }),
      { ...context, jobId: '17', source: 'queue' },
    );
  });

  test('a job that a job has enqueued names the first who was no job', () => {
    const second = runWithSerializedContext(text, serializeContext, { actor: receipts, jobId: '1' });
    const third = runWithSerializedContext(second, serializeContext, { actor: actor.job('mailer'), jobId: '2' });
    const last = runWithSerializedContext(third, () => currentContext(), { actor: actor.job('printer') });
    assert.deepEqual(last?.meta?.['enqueued_by'], context.actor);
    assert.deepEqual(last?.actor, actor.job('printer'));
    assert.equal(last?.correlationId, context.correlationId);
    assert.equal(last?.jobId, undefined);
  });

  test('where nobody but a job is known, that job has enqueued it', () => {
    const first = runWithActor(actor.job('cron'), serializeContext);
    const second = runWithSerializedContext(first, serializeContext, { actor: receipts });
    assert.deepEqual(
      runWithSerializedContext(second, () => currentContext()?.meta, { actor: actor.job('mailer') }),
      { enqueued_by: actor.job('cron') },
    );
  });

  test('whoever is no job enqueues in their own name, whatever their meta says, and also from within a job', () => {
    const claimed = { actor: actor.user('eve'), meta: { enqueued_by: actor.admin('root') } };
    const asJob = (audit: string) =>
      runWithSerializedContext(audit, () => currentContext()?.meta?.['enqueued_by'], { actor: receipts });
    assert.deepEqual(asJob(runWithContext(claimed, serializeContext)), actor.user('eve'));
    const within = runWithSerializedContext(text, () => runWithActor(actor.system('import'), serializeContext), {
      actor: receipts,
    });
    assert.deepEqual(asJob(within), actor.system('import'));
    const anonymous = runWithActor(actor.anonymous(), serializeContext);
    assert.deepEqual(asJob(anonymous), actor.anonymous());
  });

  test('where nobody enqueued it, nobody is named', () => {
    const nobody = runWithContext({ meta: { enqueued_by: actor.admin('root'), a: 1 } }, serializeContext);
    const found = runWithSerializedContext(nobody, () => currentContext(), { actor: receipts });
    assert.deepEqual(found?.meta, { a: 1 });
    assert.deepEqual(found?.actor, receipts);
  });

  test('a job that nobody has tied to anything begins a correlation id of its own', () => {
    const ids = [1, 2].map(() =>
      runWithSerializedContext(serializeContext(), () => currentContext()?.correlationId, { actor: receipts }),
    );
    for (const id of ids) assert.match(id ?? '', /^[0-9a-f-]{36}$/);
    assert.notEqual(ids[0], ids[1]);
    assert.deepEqual(
      runWithSerializedContext(serializeContext(), () => currentContext(), { actor: receipts })?.meta,
      undefined,
    );
  });

  const wrong: readonly (readonly [what: string, code: string, options: unknown])[] = [
    ['an actor that is no job', 'TL_JOB_OPTIONS_INVALID', { actor: actor.admin('root') }],
    ['an actor without an id', 'TL_ACTOR_ID_MISSING', { actor: { type: 'job' } }],
    ['the name of a job alone', 'TL_ACTOR_INVALID', { actor: 'receipts' }],
    ['nobody', 'TL_ACTOR_INVALID', { actor: null }],
    ['an unknown option', 'TL_JOB_OPTIONS_INVALID', { job: 'receipts' }],
    ['a job id that is a number', 'TL_JOB_OPTIONS_INVALID', { jobId: 17 }],
    ['an empty job id', 'TL_CONTEXT_INVALID', { jobId: '' }],
    ['no object', 'TL_JOB_OPTIONS_INVALID', null],
  ];
  for (const [what, code, options] of wrong)
    test(`${what} is refused before anything runs: ${code}`, () =>
      assert.throws(() => runWithSerializedContext(text, () => assert.fail('ran'), options as never), { code }));

  for (const [what, code, enqueuedBy] of [
    ['an unknown type', 'TL_ACTOR_TYPE_UNKNOWN', { type: 'god', id: '1' }],
    ['a name', 'TL_ACTOR_INVALID', 'root'],
    ['null', 'TL_ACTOR_INVALID', null],
  ] as const)
    test(`who enqueued a job, made up as ${what}, is refused: ${code}`, () => {
      const forged = JSON.stringify({
        v: 1,
        context: { actor: actor.job('receipts'), meta: { enqueued_by: enqueuedBy } },
      });
      assert.throws(() => runWithSerializedContext(forged, () => assert.fail('ran'), { actor: receipts }), {
        code,
        message: /meta\.enqueued_by/,
      });
    });

  test('a lazy query is executed inside', async () => {
    const lazy = Object.fromEntries([
      ['then', (resolve: (value: unknown) => void) => resolve(currentContext()?.actor)],
    ]) as unknown as PromiseLike<unknown>;
    assert.deepEqual(await runWithSerializedContext(text, () => lazy, { actor: receipts }), receipts);
  });
});

describe('a text that others may have written is refused before anything runs', () => {
  const envelope = (value: unknown): string => JSON.stringify({ v: 1, context: value });
  const cases: readonly (readonly [what: string, code: string, text: unknown])[] = [
    ['no text', 'TL_SERIALIZED_CONTEXT_INVALID', undefined],
    ['null, of a job that carries none', 'TL_SERIALIZED_CONTEXT_INVALID', null],
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
