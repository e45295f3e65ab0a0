import assert from 'node:assert/strict';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { createAdaptorServer } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { requestId } from 'hono/request-id';
import { stream, streamSSE } from 'hono/streaming';
import { type ActorRef, type AuditContext, actor, bindContext, currentActor, currentContext } from '../../src/index.ts';
import { threadline } from '../../src/middleware/hono.ts';
import { type ApplicationOptions, middlewareBehaviour, type Work } from './behaviour.ts';
import { listen, type RunningServer, send, until } from './http.ts';

const serve = (app: Hono): Promise<RunningServer> => listen(createAdaptorServer({ fetch: app.fetch }) as Server);

async function bodyOf(c: Context): Promise<unknown> {
  if (c.req.method === 'GET') return undefined;
  if (c.req.header('content-type') === 'application/json') return c.req.json();
  const { file: _file, ...fields } = await c.req.parseBody();
  return fields;
}

function start(
  { actor, ...options }: ApplicationOptions,
  work: (work: Work) => Promise<unknown>,
): Promise<RunningServer> {
  const app = new Hono();
  app.onError((_error, c) => c.text('Internal Server Error', 500));
  app.use(threadline({ ...options, actor: (c) => actor?.(c.req.header('x-user')) }));
  app.all('/work', async (c) =>
    c.json(((await work({ user: c.req.header('x-user'), body: await bodyOf(c) })) ?? null) as null),
  );
  app.get('/failing', () => {
    throw new Error('the handler failed');
  });
  return serve(app);
}

middlewareBehaviour({ name: 'Hono', make: threadline, start });

const asUser = threadline({
  actor: (c) => {
    const user = c.req.header('x-user');
    return user === undefined ? undefined : actor.user(user);
  },
});
const ada = { 'x-user': 'ada' };
const adaActor = { type: 'user', id: 'ada' };

test('Hono: sub-applications, routed or mounted, and their error handlers run in the context', async () => {
  const routed = new Hono().get('/work', (c) => c.json(currentActor()));
  routed.get('/failing', () => {
    throw new Error('the handler failed');
  });
  routed.onError((_error, c) => c.json(currentActor(), 409));
  const mounted = async (): Promise<Response> => {
    await setImmediate();
    return Response.json(currentActor());
  };
  const app = new Hono().use(asUser).route('/routed', routed).mount('/mounted', mounted);
  const server = await serve(app);
  for (const path of ['/routed/work', '/routed/failing', '/mounted/work']) {
    const received = await send(server, { path, headers: { ...ada, 'x-correlation-id': 'c-1' } });
    assert.deepEqual(JSON.parse(received.text), adaActor);
    assert.equal(received.headers['x-correlation-id'], 'c-1');
  }
});

test('Hono: what a streaming helper writes is written in the context', async () => {
  const lines = async (write: (line: string) => Promise<unknown>): Promise<void> => {
    for (let line = 0; line < 3; line += 1) {
      await setImmediate();
      await write(JSON.stringify(currentActor() ?? null));
    }
  };
  const app = new Hono().use(asUser);
  app.get('/stream', (c) => stream(c, (out) => lines((line) => out.writeln(line))));
  app.get('/events', (c) => streamSSE(c, (out) => lines((data) => out.writeSSE({ data }))));
  const server = await serve(app);
  for (const path of ['/stream', '/events']) {
    const { text } = await send(server, { path, headers: ada });
    const seen = text.split('\n').filter((line) => line !== '');
    assert.deepEqual(
      seen.map((line) => JSON.parse(line.replace('data: ', ''))),
      [adaActor, adaActor, adaActor],
    );
  }
});

test("Hono: when the client goes away, onAbort and the listeners of the request's signal run in the context", async () => {
  const seen: (ActorRef | undefined)[] = [];
  const app = new Hono().use(asUser).get('/events', (c) =>
    streamSSE(c, async (out) => {
      const note = () => void seen.push(currentActor());
      out.onAbort(note);
      c.req.raw.signal.addEventListener('abort', note);
      await out.writeSSE({ data: 'begun' });
      await until(() => out.aborted);
    }),
  );
  const server = await serve(app);
  const client = connect(server.port, '127.0.0.1');
  client.write('GET /events HTTP/1.1\r\nhost: x\r\nx-user: ada\r\n\r\n');
  client.once('data', () => client.destroy());
  await until(() => seen.length === 2);
  assert.deepEqual(seen, [adaActor, adaActor]);
});

test('Hono: a stream that is pulled by the server is pulled outside of the context, unless pull is bound', async () => {
  const pulling = (pull: (controller: ReadableStreamDefaultController) => void) =>
    new Response(new ReadableStream({ pull }, { highWaterMark: 0 }));
  const once = (controller: ReadableStreamDefaultController): void => {
    controller.enqueue(new TextEncoder().encode(JSON.stringify(currentActor() ?? null)));
    controller.close();
  };
  const app = new Hono().use(asUser);
  app.get('/unbound', () => pulling(once));
  app.get('/bound', () => pulling(bindContext(once)));
  const server = await serve(app);
  assert.equal((await send(server, { path: '/unbound', headers: ada })).text, 'null');
  assert.deepEqual(JSON.parse((await send(server, { path: '/bound', headers: ada })).text), adaActor);
});

test("Hono: without a header the request id is that of Hono's own middleware", async () => {
  const app = new Hono().use(requestId({ headerName: '', generator: () => 'own-7' }), asUser);
  app.get('/work', (c) => c.json(currentContext()));
  const server = await serve(app);
  const idFor = async (headers: Record<string, string>): Promise<string> =>
    JSON.parse((await send(server, { headers })).text).requestId;
  assert.equal(await idFor({}), 'own-7');
  assert.equal(await idFor({ 'x-request-id': 'r-1' }), 'r-1');
});

test('Hono: the address is what the application says it is, and absent where nothing is known', async () => {
  const app = new Hono().use(threadline({ actor: () => null, remoteIp: (c) => c.req.header('x-real-ip') }));
  app.get('/work', (c) => c.json(currentContext()));
  const server = await serve(app);
  const addressFor = async (address: string) =>
    JSON.parse((await send(server, { headers: { 'x-real-ip': address } })).text).remoteIp;
  assert.equal(await addressFor('203.0.113.9'), '203.0.113.9');
  assert.equal(await addressFor('unknown'), undefined);
  const elsewhere = new Hono().use(asUser).get('/work', (c) => c.json(currentContext()));
  for (const bindings of [undefined, {}, { incoming: {} }]) {
    const response = await elsewhere.request('/work', { headers: ada }, bindings);
    const context = (await response.json()) as AuditContext;
    assert.equal(context.remoteIp, undefined);
    assert.deepEqual(context.actor, adaActor);
  }
});

test("Hono: a Response of one's own is given the correlation id, unless it has one", async () => {
  const app = new Hono().use(asUser);
  app.get('/own', () => new Response('own'));
  app.get('/redirect', () => Response.redirect('http://127.0.0.1/other', 302));
  app.get('/upstream', () => new Response('own', { headers: { 'x-correlation-id': 'upstream' } }));
  const server = await serve(app);
  for (const [path, id] of [
    ['/own', 'c-1'],
    ['/redirect', 'c-1'],
    ['/upstream', 'upstream'],
  ] as const) {
    const received = await send(server, { path, headers: { 'x-correlation-id': 'c-1' } });
    assert.equal(received.headers['x-correlation-id'], id);
  }
});

test('Hono: what the actor function throws reaches the error handler as it is', async () => {
  const app = new Hono().use(
    threadline({ actor: () => Promise.reject(new HTTPException(401, { message: 'sign in' })) }),
  );
  app.get('/work', () => assert.fail('the handler ran'));
  const received = await send(await serve(app), {});
  assert.deepEqual([received.status, received.text], [401, 'sign in']);
});

test('Hono: under a second one the request keeps its ids, and the inner actor counts', async () => {
  const outer: (AuditContext | undefined)[] = [];
  const app = new Hono().use(asUser, async (_c, next) => {
    outer.push(currentContext());
    await next();
    outer.push(currentContext());
  });
  const admin = new Hono().use(threadline({ actor: () => actor.admin('root') }));
  app.route(
    '/admin',
    admin.get('/work', (c) => c.json(currentContext())),
  );
  const received = await send(await serve(app), { path: '/admin/work', headers: ada });
  assert.deepEqual(JSON.parse(received.text), { ...outer[0], actor: { type: 'admin', id: 'root' } });
  assert.deepEqual(outer[0]?.actor, adaActor);
  assert.equal(outer[1], outer[0]);
  assert.equal(received.headers['x-correlation-id'], outer[0]?.correlationId);
});
