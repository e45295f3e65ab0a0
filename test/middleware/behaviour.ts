import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { type AuditContext, actor, currentContext, isThreadlineError } from '../../src/index.ts';
import type { RequestActor, RequestContextOptions } from '../../src/middleware/request-context.ts';
import { createTestDatabase } from '../support/database.ts';
import { keepAliveAgent, multipart, type Received, type RunningServer, send } from './http.ts';

/** What a handler of the application under test is told about its request. */
export interface Work {
  readonly user: string | undefined;
  /** The parsed JSON, or the fields of the form. */
  readonly body: unknown;
}

export interface ApplicationOptions extends Omit<RequestContextOptions<never>, 'actor' | 'meta'> {
  readonly actor?: (user: string | undefined) => RequestActor | Promise<RequestActor>;
  readonly meta?: (() => { readonly [key: string]: string } | undefined) | undefined;
}

/** One framework: how the same application is written with it. */
export interface Framework {
  readonly name: string;
  /** The request id that the framework itself gives, if it does. */
  readonly ownRequestId?: RegExp;
  /** Makes the middleware without an application. */
  readonly make: (options: never) => unknown;
  /**
   * An application behind `threadline(options)`: GET and POST /work (JSON or a form) answer what
   * `work` resolves to as JSON, GET /failing throws, and there is nothing else.
   */
  readonly start: (options: ApplicationOptions, work: (work: Work) => Promise<unknown>) => Promise<RunningServer>;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const TRACEPARENT = `00-${TRACE_ID}-00f067aa0ba902b7-01`;

const UNSAFE: readonly (readonly [what: string, value: string | string[]])[] = [
  ['repeated', ['one', 'two']],
  ['empty', ''],
  ['overlong', 'x'.repeat(129)],
  ['with a space', 'a b'],
  ['with a tab', 'a\tb'],
  ['not ASCII', 'caf\u00e9'],
  ['with a quote', 'a"b'],
  ['beginning with a dash', '-a'],
];

const knownUser = (user: string | undefined): RequestActor => (user === undefined ? undefined : actor.user(user));
const showContext = async (): Promise<AuditContext> => {
  await setImmediate();
  return currentContext() ?? {};
};
const contextIn = (received: Received): AuditContext => JSON.parse(received.text) as AuditContext;

/** The behaviour that every middleware has in common. */
export function middlewareBehaviour(framework: Framework): void {
  const { name } = framework;
  const start = (options: ApplicationOptions = {}, work: (work: Work) => Promise<unknown> = showContext) =>
    framework.start({ actor: knownUser, ...options }, work);

  contextTests(framework, start);
  concurrencyTests(framework, start);
  headerTests(framework, start);
  failureTests(framework, start);

  test(`${name}: options are checked when the middleware is made, and what is unknown is named`, () => {
    const make = framework.make as (options: unknown) => unknown;
    const refused = (options: unknown, message: RegExp): void =>
      assert.throws(
        () => make(options),
        (error) =>
          isThreadlineError(error) && error.code === 'TL_MIDDLEWARE_OPTIONS_INVALID' && message.test(error.message),
      );
    refused(undefined, /threadline\(\{ actor/);
    refused({}, /actor: must be a function/);
    refused({ actor: actor.system('x') }, /actor: must be a function/);
    refused({ actor: knownUser, corelationHeader: 'x' }, /corelationHeader/);
    refused({ actor: knownUser, correlationHeader: 'x y' }, /correlationHeader: must be the name of a header/);
    refused({ actor: knownUser, source: '' }, /source/);
    refused({ actor: knownUser, meta: {} }, /meta: must be a function/);
    refused({ actor: knownUser, echoCorrelationId: 'yes' }, /echoCorrelationId/);
  });
}

type Start = (options?: ApplicationOptions, work?: (work: Work) => Promise<unknown>) => Promise<RunningServer>;

function contextTests({ name }: Framework, start: Start): void {
  test(`${name}: the handler runs in a context with actor, ids, source, address and meta`, async () => {
    const server = await start({ source: 'api', meta: () => ({ route: 'work' }) });
    const received = await send(server, {
      headers: { 'x-user': '42', 'x-correlation-id': 'c-1', 'x-request-id': 'r-1' },
    });
    assert.deepEqual(contextIn(received), {
      actor: { type: 'user', id: '42' },
      correlationId: 'c-1',
      requestId: 'r-1',
      source: 'api',
      remoteIp: '127.0.0.1',
      meta: { route: 'work' },
    });
  });

  test(`${name}: an async actor function is awaited`, async () => {
    const server = await start({ actor: async (user) => setImmediate(knownUser(user)) });
    const received = await send(server, { headers: { 'x-user': '42' } });
    assert.deepEqual(contextIn(received).actor, { type: 'user', id: '42' });
  });

  test(`${name}: where nobody is known the context has no actor, unless anonymous is said`, async () => {
    for (const nobody of [undefined, null]) {
      const context = contextIn(await send(await start({ actor: () => nobody }), {}));
      assert.equal('actor' in context, false);
      assert.equal(context.source, 'http');
      assert.match(context.correlationId ?? '', UUID);
    }
    const anonymous = contextIn(await send(await start({ actor: () => actor.anonymous() }), {}));
    assert.deepEqual(anonymous.actor, { type: 'anonymous' });
  });

  test(`${name}: the context reaches the handler after a JSON body that comes in two packets`, async () => {
    const server = await start({}, async ({ body }) => ({ body, context: await showContext() }));
    const json = JSON.stringify({ text: 'x'.repeat(80_000) });
    const received = await send(server, {
      headers: { 'x-user': '42', 'content-type': 'application/json', 'content-length': json.length },
      body: [json.slice(0, 40_000), json.slice(40_000)],
    });
    const { body, context } = JSON.parse(received.text);
    assert.deepEqual(body, JSON.parse(json));
    assert.deepEqual(context.actor, { type: 'user', id: '42' });
  });

  test(`${name}: the context reaches the handler after a multipart body that comes in two packets`, async () => {
    const server = await start({}, async ({ body }) => ({ body, context: await showContext() }));
    const form = multipart();
    const received = await send(server, { ...form, headers: { ...form.headers, 'x-user': '42' } });
    const { body, context } = JSON.parse(received.text);
    assert.deepEqual(body, { title: 'a title' });
    assert.deepEqual(context.actor, { type: 'user', id: '42' });
  });

  test(`${name}: the address is that of the socket, whatever a client claims`, async () => {
    const received = await send(await start(), {
      headers: { 'x-forwarded-for': '203.0.113.9', forwarded: 'for=203.0.113.9', 'x-real-ip': '203.0.113.9' },
    });
    assert.equal(contextIn(received).remoteIp, '127.0.0.1');
  });
}

function concurrencyTests({ name }: Framework, start: Start): void {
  test(`${name}: fifty parallel requests on shared sockets each write as their own actor`, async () => {
    const database = await createTestDatabase();
    await database.admin.query('create table writes (expected text, actor text)');
    const server = await start({ actor: async (user) => setImmediate(knownUser(user)) }, async ({ user }) => {
      await setTimeout(1);
      await Promise.all([setImmediate(), database.admin.query('select 1')]);
      await new Promise((resolve) => process.nextTick(resolve));
      const by = currentContext()?.actor;
      const written = by?.type === 'user' ? by.id : 'nobody';
      await database.admin.query('insert into writes values ($1, $2)', [user ?? 'nobody', written]);
      return {};
    });
    const agent = keepAliveAgent(10);
    const users = Array.from({ length: 50 }, (_, index) => (index % 10 === 9 ? undefined : `user-${index}`));
    await Promise.all(
      users.map((user) => send(server, { agent, ...(user !== undefined && { headers: { 'x-user': user } }) })),
    );
    assert.equal(server.sockets.length, 10);
    const { rows } = await database.admin.query('select expected, actor from writes order by expected');
    assert.equal(rows.length, 50);
    assert.deepEqual(
      rows.filter((row) => row.expected !== row.actor),
      [],
    );
  });

  test(`${name}: on one socket, a request without an actor does not inherit that of the one before`, async () => {
    const agent = keepAliveAgent(1);
    const server = await start();
    const first = await send(server, { agent, headers: { 'x-user': '42', 'x-correlation-id': 'c-1' } });
    const second = await send(server, { agent });
    assert.equal(second.isSocketReused, true);
    assert.deepEqual(contextIn(first).actor, { type: 'user', id: '42' });
    assert.equal('actor' in contextIn(second), false);
    assert.notEqual(contextIn(second).correlationId, 'c-1');
  });
}

function headerTests({ name, ownRequestId = UUID }: Framework, start: Start): void {
  test(`${name}: the correlation id is the header's, else the trace id, else a new one`, async () => {
    const server = await start();
    const correlationId = async (headers: Record<string, string | string[]>) =>
      contextIn(await send(server, { headers })).correlationId;
    assert.equal(await correlationId({ 'x-correlation-id': 'order:7/a', traceparent: TRACEPARENT }), 'order:7/a');
    assert.equal(await correlationId({ traceparent: TRACEPARENT }), TRACE_ID);
    assert.match((await correlationId({})) ?? '', UUID);
    assert.match((await correlationId({ traceparent: [TRACEPARENT, TRACEPARENT] })) ?? '', UUID);
    assert.match((await correlationId({ traceparent: `ff${TRACEPARENT.slice(2)}` })) ?? '', UUID);
    assert.notEqual(await correlationId({}), await correlationId({}));
  });

  for (const [what, value] of UNSAFE)
    test(`${name}: an id from outside that is ${what} falls through to the next source`, async () => {
      const server = await start();
      const received = await send(server, {
        headers: { 'x-correlation-id': value, 'x-request-id': value, traceparent: TRACEPARENT },
      });
      assert.equal(received.status, 200);
      assert.equal(contextIn(received).correlationId, TRACE_ID);
      assert.equal(received.headers['x-correlation-id'], TRACE_ID);
      assert.match(contextIn(received).requestId ?? '', ownRequestId);
      const without = await send(server, { headers: { 'x-correlation-id': value } });
      assert.match(contextIn(without).correlationId ?? '', UUID);
    });

  test(`${name}: the header names can be chosen, in any letter case, and the echo turned off`, async () => {
    const chosen = await send(await start({ correlationHeader: 'X-Trace', requestIdHeader: 'X-Rq' }), {
      headers: { 'x-trace': 'c-1', 'x-rq': 'r-1', 'x-correlation-id': 'other', 'x-request-id': 'other' },
    });
    assert.equal(contextIn(chosen).correlationId, 'c-1');
    assert.equal(contextIn(chosen).requestId, 'r-1');
    assert.equal(chosen.headers['x-trace'], 'c-1');
    assert.equal('x-correlation-id' in chosen.headers, false);
    const silent = await send(await start({ echoCorrelationId: false }), { headers: { 'x-correlation-id': 'c-1' } });
    assert.equal(contextIn(silent).correlationId, 'c-1');
    assert.equal('x-correlation-id' in silent.headers, false);
  });

  test(`${name}: the correlation id is echoed on success, when the handler fails, and when nothing is found`, async () => {
    const server = await start();
    for (const [path, status] of [
      ['/work', 200],
      ['/failing', 500],
      ['/nowhere', 404],
    ] as const) {
      const received = await send(server, { path, headers: { 'x-correlation-id': 'c-1' } });
      assert.equal(received.status, status);
      assert.equal(received.headers['x-correlation-id'], 'c-1');
    }
  });
}

function failureTests({ name }: Framework, start: Start): void {
  const failures: readonly (readonly [what: string, options: ApplicationOptions])[] = [
    ['throws', { actor: () => assert.fail('no session') }],
    ['rejects', { actor: () => Promise.reject(new Error('no session')) }],
    ['rejects with nothing', { actor: () => Promise.reject() }],
    ["rejects with 'route', which is an order to Express", { actor: () => Promise.reject('route') }],
    ['answers with a string', { actor: () => '42' as unknown as RequestActor }],
    ['answers with an actor that is invalid', { actor: () => ({ type: 'user', id: '' }) }],
    ['answers with false', { actor: () => false as unknown as RequestActor }],
  ];
  for (const [what, options] of failures)
    test(`${name}: an actor function that ${what} gives the framework's error, and the handler does not run`, async () => {
      let runs = 0;
      const server = await start(options, async () => {
        runs += 1;
      });
      const received = await send(server, { headers: { 'x-correlation-id': 'c-1' } });
      assert.equal(received.status, 500);
      assert.equal(runs, 0);
      assert.equal(received.headers['x-correlation-id'], 'c-1');
    });

  test(`${name}: a meta function that throws, or answers what is no JSON object, gives the framework's error`, async () => {
    const metas: readonly unknown[] = [
      () => assert.fail(),
      () => 'text',
      () => ({ a: 1n }),
      () => ({ a: 'x'.repeat(9000) }),
    ];
    for (const meta of metas) {
      const server = await start({ meta: meta as ApplicationOptions['meta'] }, () => assert.fail('the handler ran'));
      assert.equal((await send(server, {})).status, 500);
    }
  });
}
