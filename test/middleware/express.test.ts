import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import express from 'express';
import multer from 'multer';
import { type AuditContext, actor, bindContext, currentActor, currentContext } from '../../src/index.ts';
import { type ExpressMiddleware, threadline } from '../../src/middleware/express.ts';
import { type ApplicationOptions, middlewareBehaviour, type Work } from './behaviour.ts';
import { keepAliveAgent, listen, multipart, type RunningServer, send, until } from './http.ts';

// Version 4 under an alias; for what is used here its types are those of version 5.
const express4 = createRequire(import.meta.url)('express4') as typeof express;

for (const [version, create] of [
  ['Express 5', express],
  ['Express 4', express4],
] as const) {
  const start = (
    { actor, ...options }: ApplicationOptions,
    work: (work: Work) => Promise<unknown>,
  ): Promise<RunningServer> => {
    const app = create();
    app.set('env', 'test');
    app.use(threadline({ ...options, actor: (req) => actor?.(req.get('x-user')) }));
    app.use(create.json(), multer().any());
    app.all('/work', (req, res, next) => {
      work({ user: req.get('x-user'), body: req.body }).then((result) => res.json(result ?? null), next);
    });
    app.get('/failing', () => {
      throw new Error('the handler failed');
    });
    return listen(createServer(app));
  };
  middlewareBehaviour({ name: version, make: threadline, start });
  mountTests(version, create);
}

type Create = typeof express;

const asUser: ExpressMiddleware = threadline({
  actor: (req) => {
    const user = req.get('x-user');
    return user === undefined ? undefined : actor.user(user);
  },
});
const showContext: express.RequestHandler = (_req, res) => void res.json(currentContext() ?? null);
const ada = { 'x-user': 'ada' };
const adaActor = { type: 'user', id: 'ada' };

function mountTests(version: string, create: Create): void {
  test(`${version}: body parsers may also come before it`, async () => {
    const app = create().use(create.json(), multer().any(), asUser);
    app.post('/work', (req, res) => void res.json({ body: req.body, actor: currentActor() }));
    const server = await listen(createServer(app));
    const json = { body: ['{"a":', '1}'], headers: { ...ada, 'content-type': 'application/json' } };
    assert.deepEqual(JSON.parse((await send(server, json)).text), { body: { a: 1 }, actor: adaActor });
    const form = multipart();
    const received = await send(server, { ...form, headers: { ...form.headers, ...ada } });
    assert.deepEqual(JSON.parse(received.text), { body: { title: 'a title' }, actor: adaActor });
  });

  test(`${version}: a body parser that calls next from an event of the request keeps the context`, async () => {
    const app = create().use(asUser, (req, _res, next) => {
      req.on('data', () => {});
      req.on('end', () => next());
    });
    app.post('/work', showContext);
    const server = await listen(createServer(app));
    const agent = keepAliveAgent(1);
    for (const user of ['ada', 'bob']) {
      const received = await send(server, { agent, body: ['one', 'two'], headers: { 'x-user': user } });
      assert.deepEqual(JSON.parse(received.text).actor, { type: 'user', id: user });
    }
  });

  test(`${version}: under a second one the request keeps its ids, and the inner actor counts`, async () => {
    const finished: (AuditContext | undefined)[] = [];
    const app = create().use(asUser);
    const router = create.Router().use(threadline({ actor: () => actor.admin('root') }));
    router.get('/work', (_req, res) => {
      res.on('finish', () => finished.push(currentContext()));
      res.json(currentContext());
    });
    app.use((_req, res, next) => {
      res.setHeader('x-outer', JSON.stringify(currentContext()));
      next();
    }, router);
    const received = await send(await listen(createServer(app)), { headers: ada });
    const outer: AuditContext = JSON.parse(String(received.headers['x-outer']));
    const inner: AuditContext = JSON.parse(received.text);
    assert.deepEqual(outer.actor, adaActor);
    assert.deepEqual(inner, { ...outer, actor: { type: 'admin', id: 'root' } });
    assert.equal(received.headers['x-correlation-id'], outer.correlationId);
    await until(() => finished.length === 1);
    assert.deepEqual(finished, [inner]);
  });

  test(`${version}: req.ip, and so its trust proxy setting, decides about the address`, async () => {
    const app = create().set('trust proxy', true).use(asUser).get('/work', showContext);
    const server = await listen(createServer(app));
    const addressFor = async (forwarded: string) =>
      JSON.parse((await send(server, { headers: { 'x-forwarded-for': forwarded } })).text).remoteIp;
    assert.equal(await addressFor('203.0.113.9'), '203.0.113.9');
    assert.equal(await addressFor('2001:db8::1, 10.0.0.1'), '2001:db8::1');
    assert.equal(await addressFor('unknown'), undefined);
    assert.equal(await addressFor('x'.repeat(4000)), undefined);
  });

  test(`${version}: what the actor function throws reaches the error handlers as it is`, async () => {
    const refusal = Object.assign(new Error('sign in first'), { status: 401 });
    const app = create().use(threadline({ actor: () => Promise.reject(refusal) }));
    app.get('/work', showContext);
    const onError: express.ErrorRequestHandler = (error, _req, res, _next) =>
      void res.status(error.status).send(error === refusal ? 'the same' : 'another');
    const received = await send(await listen(createServer(app.use(onError))), {});
    assert.deepEqual([received.status, received.text], [401, 'the same']);
  });

  test(`${version}: a response that has begun already is left alone`, async () => {
    const app = create().use((_req, res, next) => {
      res.writeHead(200);
      res.write('begun, ');
      next();
    }, asUser);
    app.get('/work', (_req, res) => void res.end(JSON.stringify(currentActor())));
    const received = await send(await listen(createServer(app)), { headers: ada });
    assert.equal(received.text, `begun, ${JSON.stringify(adaActor)}`);
  });

  test(`${version}: a middleware that calls next from another service's socket loses it, unless next is bound`, async () => {
    const service = new EventEmitter();
    const app = create().use(asUser);
    app.get('/lost', (_req, _res, next) => void service.once('answer', () => next()), showContext);
    app.get(
      '/bound',
      (_req, _res, next) =>
        void service.once(
          'answer',
          bindContext(() => next()),
        ),
      showContext,
    );
    const server = await listen(createServer(app));
    const answered = async (path: string) => {
      const received = send(server, { path, headers: ada });
      await until(() => service.listenerCount('answer') > 0);
      service.emit('answer');
      return JSON.parse((await received).text);
    };
    assert.equal(await answered('/lost'), null);
    assert.deepEqual((await answered('/bound')).actor, adaActor);
  });
}
