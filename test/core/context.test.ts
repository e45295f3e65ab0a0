import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { type AuditContextInput, makeScope } from '../../src/core/context.ts';
import { MAX_SETTINGS_BYTES, NO_SETTINGS, SET_CONFIG_SQL, sameSettings, settingsValues } from '../../src/core/wire.ts';
import { actor, isThreadlineError } from '../../src/index.ts';
import { createTestDatabase } from '../support/database.ts';

const full: AuditContextInput = {
  actor: { type: 'user', id: '42' },
  correlationId: 'c-1',
  requestId: 'r-1',
  jobId: 'j-1',
  source: 'http',
  remoteIp: '2001:db8::1',
  meta: { tenant: 't-1', flags: [true, null, { deep: [1] }] },
};
const refused = (code: string, input: unknown, message = /./): void =>
  assert.throws(
    () => makeScope(input as AuditContextInput),
    (error) => isThreadlineError(error) && error.code === code && message.test(error.message),
  );

test('a context holds what it was given, and nothing where nothing was given', () => {
  assert.deepEqual(makeScope(full).context, full);
  assert.deepEqual(makeScope({ actor: undefined, jobId: undefined, source: 'cron' }).context, { source: 'cron' });
  assert.deepEqual(makeScope({}).context, {});
});

test('a context is frozen in all its depth, and what is changed afterwards does not reach it', () => {
  const meta = { list: [{ value: 1 }] };
  const scope = makeScope({ ...full, meta });
  meta.list.push({ value: 2 });
  assert.deepEqual(scope.context.meta, { list: [{ value: 1 }] });
  const frozen = (value: unknown): boolean =>
    typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(frozen));
  assert.ok(frozen(scope));
});

test('meta may come from another realm, as what is cloned does under Jest', () => {
  assert.deepEqual(makeScope({ meta: runInNewContext('({ flags: [1, { deep: true }] })') }).context, {
    meta: { flags: [1, { deep: true }] },
  });
  for (const text of ['[]', 'new Date()', 'new Map()', 'new (class {})()'])
    refused('TL_CONTEXT_INVALID', { meta: runInNewContext(text) });
});

describe('a context of the wrong shape is refused', () => {
  test('a field that is unknown, by name', () => {
    refused('TL_CONTEXT_INVALID', { ...full, userId: '42' }, /userId/);
  });
  test('a text that is empty, too long, no text, or holds what PostgreSQL cannot store', () => {
    for (const field of ['correlationId', 'requestId', 'jobId', 'source', 'remoteIp'])
      for (const value of ['', 'x'.repeat(256), 7, null, {}, 'a\u0000', 'a\nb', '\ud800'])
        refused('TL_CONTEXT_INVALID', { [field]: value }, new RegExp(field));
    refused('TL_CONTEXT_INVALID', { correlationId: 'x'.repeat(129) });
  });
  test('an actor, with the code of the actor', () => {
    refused('TL_ACTOR_ID_EMPTY', { actor: { type: 'user', id: '' } }, /actor: id is empty/);
    refused('TL_ACTOR_INVALID', { actor: null });
  });
  test('meta that is no plain object, or no JSON', () => {
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    for (const meta of [null, [], 'text', 7, new Date(), new Map()]) refused('TL_CONTEXT_INVALID', { meta });
    for (const meta of [
      cycle,
      { big: 1n },
      { toJSON: () => undefined },
      { toJSON: () => 'text' },
      { toJSON: () => [] },
    ])
      refused('TL_CONTEXT_META_INVALID', { meta });
  });
  test('meta that is nested beyond all measure', () => {
    let meta: Record<string, unknown> = {};
    for (let depth = 0; depth < 100_000; depth += 1) meta = { meta };
    refused('TL_CONTEXT_META_INVALID', { meta });
  });
  test('what is no object at all', () => {
    for (const input of [undefined, null, 'text', []]) refused('TL_CONTEXT_INVALID', input);
  });
});

describe('the text on the wire', () => {
  test('is the actor in one setting and the rest in the other, by the names of the columns', () => {
    const { settings } = makeScope(full);
    assert.deepEqual(JSON.parse(settings.actorRef), { type: 'user', id: '42' });
    assert.deepEqual(JSON.parse(settings.context), {
      correlation_id: 'c-1',
      request_id: 'r-1',
      job_id: 'j-1',
      source: 'http',
      remote_ip: '2001:db8::1',
      meta: full.meta,
    });
    assert.deepEqual(settingsValues(settings), [settings.actorRef, settings.context]);
  });

  test('is empty for what is absent', () => {
    assert.deepEqual(makeScope({}).settings, NO_SETTINGS);
    assert.deepEqual(NO_SETTINGS, { actorRef: '', context: '' });
    assert.equal(makeScope({ source: 'cron' }).settings.actorRef, '');
    assert.equal(makeScope({ actor: actor.anonymous() }).settings.context, '');
  });

  test('begins with a space where the trigger may take it as it is: two objects, short, nothing escaped, nothing empty', () => {
    const plain = { actor: actor.user('42'), requestId: 'r-1', meta: { a: [1, null] } };
    const isVouched = (context: AuditContextInput): string => {
      const { actorRef, context: rest } = makeScope(context).settings;
      return `${actorRef.startsWith(' ')} ${rest.startsWith(' ')}`;
    };
    assert.equal(isVouched(plain), 'true true');
    for (const change of [
      { actor: undefined },
      { requestId: undefined, meta: undefined },
      { actor: actor.user('Zoë') },
      { actor: actor.user('a"b') },
      { actor: actor.user('a\\b') },
      { requestId: 'r"1' },
      { meta: { a: '' } },
      { meta: { a: 'x'.repeat(2000) } },
    ])
      assert.equal(isVouched({ ...plain, ...change }), 'false false', JSON.stringify(change));
  });

  test('is the same for contexts that say the same', () => {
    assert.ok(sameSettings(makeScope(full).settings, makeScope({ ...full }).settings));
    assert.ok(!sameSettings(makeScope(full).settings, makeScope({ ...full, actor: actor.job('42') }).settings));
    assert.ok(!sameSettings(makeScope(full).settings, makeScope({ ...full, source: 'cron' }).settings));
  });

  test('takes 8 KiB at most', () => {
    const sized = (length: number): number => {
      const { settings } = makeScope({ meta: { text: 'x'.repeat(length) } });
      return settings.actorRef.length + settings.context.length;
    };
    const largest = MAX_SETTINGS_BYTES - sized(0);
    assert.equal(sized(largest), 8192);
    refused('TL_CONTEXT_TOO_LARGE', { meta: { text: 'x'.repeat(largest + 1) } }, /8193 bytes/);
    refused('TL_CONTEXT_TOO_LARGE', { meta: { text: '\u00e9'.repeat(largest / 6 + 1) } });
  });

  test('is printable ASCII, whatever meta holds, and PostgreSQL reads it as jsonb', async () => {
    const database = await createTestDatabase();
    const client = await database.admin.connect();
    const text = fc.string({ unit: 'binary', maxLength: 20 });
    const broken = fc.constantFrom('\u0000', '\ud800', 'a\udc00b', '\u2028', '\\u0000', '\u007f', '\u{1f600}');
    const meta = fc.dictionary(fc.oneof(text, broken), fc.oneof(text, broken, fc.jsonValue(), fc.array(broken)));
    await fc.assert(
      fc.asyncProperty(meta, fc.string({ minLength: 1, maxLength: 20 }), async (value, id) => {
        const { context, settings } = makeScope({
          meta: value as never,
          actor: actor.user(`u${id.replace(/\p{Cc}/gu, '')}`),
        });
        for (const written of settingsValues(settings)) assert.match(written, /^[ -~]*$/);
        await client.query('begin');
        await client.query(SET_CONFIG_SQL, settingsValues(settings));
        const { rows } = await client.query(
          `select current_setting('threadline.actor_ref')::jsonb as actor, current_setting('threadline.context')::jsonb as rest`,
        );
        await client.query('rollback');
        assert.deepEqual(rows[0].actor, context.actor);
        assert.equal(JSON.stringify(sorted(rows[0].rest.meta)), JSON.stringify(sorted(context.meta)));
      }),
      { numRuns: 200 },
    );
    client.release();
  });

  test('keeps what it can of a broken text: U+0000 and halves of pairs become U+FFFD', () => {
    const { context } = makeScope({ meta: { 'k\u0000': 'a\u0000b', list: ['\ud800'] } });
    assert.deepEqual(context.meta, { 'k\ufffd': 'a\ufffdb', list: ['\ufffd'] });
  });
});

/** With keys in one order, and -0 as 0: neither means anything in jsonb. */
function sorted(value: unknown): unknown {
  if (typeof value === 'number') return value === 0 ? 0 : value;
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value)
    .map(([key, member]) => [key, sorted(member)])
    .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
}
