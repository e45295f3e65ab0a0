import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import multipart from '@fastify/multipart';
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { type ActorRef, actor, bindContext, currentActor, currentContext } from '../../src/index.ts';
import { threadline } from '../../src/middleware/fastify.ts';
import { type ApplicationOptions, middlewareBehaviour, type Work } from './behaviour.ts';
import { multipart as form, listen, type RunningServer, send, until } from './http.ts';

const userOf = (request: FastifyRequest): string | undefined => request.headers['x-user']?.toString();

async function serve(app: FastifyInstance): Promise<RunningServer> {
  await app.ready();
  return listen(app.server);
}

async function start(
  { actor, ...options }: ApplicationOptions,
  work: (work: Work) => Promise<unknown>,
): Promise<RunningServer> {
  const app = Fastify();
  app.register(multipart, { attachFieldsToBody: 'keyValues' });
  app.register(threadline({ ...options, actor: (request) => actor?.(userOf(request)) }));
  app.route({
    method: ['GET', 'POST'],
    url: '/work',
    handler: async (request) => {
      const { file: _file, ...body } = (request.body ?? {}) as Record<string, unknown>;
      return (await work({ user: userOf(request), body })) ?? null;
    },
  });
  app.get('/failing', async () => {
    throw new Error('the handler failed');
  });
  return serve(app);
}

middlewareBehaviour({ name: 'Fastify', make: threadline, start, ownRequestId: /^req-\w+$/ });

const byUser = (request: FastifyRequest): ActorRef | undefined => {
  const user = userOf(request);
  return user === undefined ? undefined : actor.user(user);
};
const asUser = threadline({ actor: byUser });
const ada = { 'x-user': 'ada' };
const adaActor = { type: 'user', id: 'ada' };

test('Fastify: the context is there in every hook, the handler, and plugins inside of plugins', async () => {
  const seen: [where: string, by: ActorRef | undefined][] = [];
  const note = (where: string): void => void seen.push([where, currentActor()]);
  const app = Fastify();
  app.register(asUser);
  app.register(async (outer) => {
    outer.addHook('onRequest', async () => note('onRequest'));
    outer.addHook('preParsing', (_request, _reply, payload, done) => {
      note('preParsing');
      done(null, payload);
    });
    outer.register(async (inner) => {
      inner.addContentTypeParser('text/own', { parseAs: 'string' }, (_request, body, done) => {
        note('parser');
        done(null, body);
      });
      inner.addHook('preValidation', (_request, _reply, done) => {
        note('preValidation');
        done();
      });
      inner.addHook('preHandler', async () => {
        await setImmediate();
        note('preHandler');
      });
      inner.addHook('preSerialization', async (_request, _reply, payload) => {
        note('preSerialization');
        return payload;
      });
      inner.addHook('onSend', async () => note('onSend'));
      inner.addHook('onResponse', async () => note('onResponse'));
      inner.post('/work', async () => {
        await setImmediate();
        note('handler');
        return {};
      });
    });
  });
  const server = await serve(app);
  await send(server, { headers: { ...ada, 'content-type': 'text/own', 'content-length': 6 }, body: ['one', 'two'] });
  await until(() => seen.some(([where]) => where === 'onResponse'));
  assert.deepEqual(
    seen,
    [
      ...['onRequest', 'preParsing', 'parser', 'preValidation', 'preHandler', 'handler'],
      ...['preSerialization', 'onSend', 'onResponse'],
    ].map((where) => [where, adaActor]),
  );
});

test('Fastify: in a handler that fails, its error handler and onError run in the context', async () => {
  const seen: (ActorRef | undefined)[] = [];
  const app = Fastify();
  app.register(asUser);
  app.addHook('onError', async () => void seen.push(currentActor()));
  app.setErrorHandler(async (_error, _request, reply) => {
    seen.push(currentActor());
    return reply.code(409).send({});
  });
  app.get('/work', () => Promise.reject(new Error('no')));
  assert.equal((await send(await serve(app), { headers: ada })).status, 409);
  assert.deepEqual(new Set(seen.map((by) => JSON.stringify(by))), new Set([JSON.stringify(adaActor)]));
});

test('Fastify: the parts of a form that the handler reads itself come in the context', async () => {
  const app = Fastify();
  app.register(multipart);
  app.register(asUser);
  app.post('/work', async (request) => {
    const seen: unknown[] = [];
    for await (const part of request.parts()) {
      seen.push(currentActor());
      if (part.type === 'file') part.file.on('end', () => seen.push(currentActor()));
      if (part.type === 'file') await part.toBuffer();
    }
    return [...seen, currentActor()];
  });
  const { headers, body } = form();
  const received = await send(await serve(app), { headers: { ...headers, ...ada }, ...(body && { body }) });
  assert.deepEqual(JSON.parse(received.text), [adaActor, adaActor, adaActor, adaActor]);
});

test('Fastify: when the client goes away, onRequestAbort runs in the context', async () => {
  const seen: (ActorRef | undefined)[] = [];
  const app = Fastify();
  app.register(asUser);
  app.addHook('onRequestAbort', async (_request) => void seen.push(currentActor()));
  app.get('/work', (_request, reply) => {
    reply.raw.write('begun');
  });
  const server = await serve(app);
  const client = connect(server.port, '127.0.0.1');
  client.write('GET /work HTTP/1.1\r\nhost: x\r\nx-user: ada\r\n\r\n');
  client.once('data', () => client.destroy());
  await until(() => seen.length === 1);
  assert.deepEqual(seen, [adaActor]);
});

test('Fastify: of pipelined requests each has its own context in onResponse', async () => {
  const seen: [user: string | undefined, by: ActorRef | undefined][] = [];
  const held: (() => void)[] = [];
  const app = Fastify();
  app.register(asUser);
  app.addHook('onResponse', async (request) => void seen.push([userOf(request), currentActor()]));
  app.get('/work', (_request, reply) => {
    held.push(bindContext(() => void reply.send('x'.repeat(100_000))));
    if (held.length === 3) for (const answer of held.reverse()) answer();
  });
  const client = connect((await serve(app)).port, '127.0.0.1');
  for (const user of ['ada', 'bob', 'eve']) client.write(`GET /work HTTP/1.1\r\nhost: x\r\nx-user: ${user}\r\n\r\n`);
  client.resume();
  await until(() => seen.length === 3);
  client.destroy();
  assert.deepEqual(
    seen,
    ['ada', 'bob', 'eve'].map((id) => [id, { type: 'user', id }]),
  );
});

test('Fastify: request.ip, and so its trustProxy setting, decides about the address', async () => {
  const app = Fastify({ trustProxy: true });
  app.register(asUser);
  app.get('/work', async () => currentContext());
  const server = await serve(app);
  const addressFor = async (forwarded: string) =>
    JSON.parse((await send(server, { headers: { 'x-forwarded-for': forwarded } })).text).remoteIp;
  assert.equal(await addressFor('203.0.113.9'), '203.0.113.9');
  assert.equal(await addressFor('unknown'), undefined);
});

test('Fastify: with a later hook, routes that authenticate in hooks of their own are known', async () => {
  for (const [hook, user] of [
    ['onRequest', 'nobody'],
    ['preValidation', 'ada'],
    ['preHandler', 'ada'],
  ] as const) {
    const app = Fastify();
    const signedIn = new WeakMap<FastifyRequest, string>();
    app.register(threadline({ hook, actor: (request) => actor.user(signedIn.get(request) ?? 'nobody') }));
    app.get('/work', { onRequest: async (request) => void signedIn.set(request, 'ada') }, async () => currentActor());
    assert.deepEqual(JSON.parse((await send(await serve(app), {})).text), { type: 'user', id: user });
  }
  assert.throws(() => threadline({ actor: () => undefined, hook: 'onSend' as 'onRequest' }), {
    code: 'TL_MIDDLEWARE_OPTIONS_INVALID',
    message: /hook/,
  });
});

test('Fastify: registered inside of a plugin it holds for that plugin only', async () => {
  const app = Fastify();
  app.register(async (inside) => {
    inside.register(asUser);
    inside.get('/inside', async () => ({ by: currentActor() }));
  });
  app.get('/outside', async () => ({ by: currentContext() ?? 'no context' }));
  const server = await serve(app);
  assert.deepEqual(JSON.parse((await send(server, { path: '/inside', headers: ada })).text), { by: adaActor });
  assert.deepEqual(JSON.parse((await send(server, { path: '/outside', headers: ada })).text), { by: 'no context' });
});

test('Fastify: under a second one the request keeps its ids, and the inner actor counts', async () => {
  const app = Fastify();
  app.register(asUser);
  app.register(async (inside) => {
    inside.addHook('onRequest', async (_request, reply) => {
      reply.header('x-outer', currentContext()?.correlationId);
    });
    inside.register(threadline({ actor: () => actor.admin('root') }));
    inside.get('/work', async () => currentContext());
  });
  const received = await send(await serve(app), { headers: ada });
  const context = JSON.parse(received.text);
  assert.deepEqual(context.actor, { type: 'admin', id: 'root' });
  assert.equal(context.correlationId, received.headers['x-outer']);
  assert.equal(context.correlationId, received.headers['x-correlation-id']);
});

test('Fastify: what the actor function throws reaches the error handler as it is', async () => {
  const app = Fastify();
  app.register(threadline({ actor: () => Promise.reject(Object.assign(new Error('sign in'), { statusCode: 401 })) }));
  app.get('/work', async () => assert.fail('the handler ran'));
  const received = await send(await serve(app), {});
  assert.equal(received.status, 401);
  assert.equal(JSON.parse(received.text).message, 'sign in');
});

test('Fastify: injected requests have the context as well, and line breaks in their headers do no harm', async () => {
  const app = Fastify();
  app.register(asUser);
  app.post('/work', async () => currentContext());
  const headers = { ...ada, 'x-correlation-id': 'a\r\nb', 'x-request-id': 'a\r\nb' };
  const received = await app.inject({ method: 'POST', url: '/work', headers, payload: { a: 1 } });
  const { actor: by, correlationId, requestId } = received.json();
  assert.deepEqual(by, adaActor);
  assert.match(correlationId, /^[0-9a-f-]{36}$/);
  assert.match(requestId, /^req-/);
  assert.equal(received.headers['x-correlation-id'], correlationId);
});
