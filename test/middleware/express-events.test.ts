import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import express from 'express';
import { type ActorRef, actor, bindContext, currentActor, runWithActor } from '../../src/index.ts';
import { threadline } from '../../src/middleware/express.ts';
import { listen, send, until } from './http.ts';

// Version 4 under an alias; for what is used here its types are those of version 5.
const express4 = createRequire(import.meta.url)('express4') as typeof express;

type Create = typeof express;

const asUser = threadline({
  actor: (req) => {
    const user = req.get('x-user');
    return user === undefined ? undefined : actor.user(user);
  },
});
const ada = { 'x-user': 'ada' };
const adaActor = { type: 'user', id: 'ada' };

eventTests('Express 5', express);
eventTests('Express 4', express4);

function eventTests(version: string, create: Create): void {
  const serve = (handler: express.RequestHandler, before: express.RequestHandler = (_req, _res, next) => next()) =>
    listen(createServer(create().use(before, asUser).all('/work', handler)));

  test(`${version}: 'finish' and 'close' of the response run in the context`, async () => {
    const seen: [event: string, by: ActorRef | undefined][] = [];
    const server = await serve((_req, res) => {
      for (const event of ['finish', 'close']) res.on(event, () => seen.push([event, currentActor()]));
      res.end();
    });
    await send(server, { headers: ada });
    await until(() => seen.length === 2);
    assert.deepEqual(seen, [
      ['finish', adaActor],
      ['close', adaActor],
    ]);
  });

  test(`${version}: when the client goes away, the listeners of request and response run in the context`, async () => {
    const seen: (ActorRef | undefined)[] = [];
    const server = await serve((req, res) => {
      for (const emitter of [req, res]) emitter.on('close', () => seen.push(currentActor()));
      res.write('begun');
    });
    const client = connect(server.port, '127.0.0.1');
    client.write('GET /work HTTP/1.1\r\nhost: x\r\nx-user: ada\r\n\r\n');
    client.once('data', () => client.destroy());
    await until(() => seen.length === 2);
    assert.deepEqual(seen, [adaActor, adaActor]);
  });

  test(`${version}: of pipelined requests each has its own context, also in listeners from before`, async () => {
    const seen: [url: string | undefined, by: ActorRef | undefined][] = [];
    const held: (() => void)[] = [];
    const server = await serve(
      (_req, res) => {
        held.push(bindContext(() => void res.end('x'.repeat(100_000))));
        if (held.length === 3) for (const answer of held.reverse()) answer();
      },
      (req, res, next) => {
        res.on('finish', () => seen.push([req.get('x-user'), currentActor()]));
        next();
      },
    );
    const client = connect(server.port, '127.0.0.1');
    for (const user of ['ada', 'bob', 'eve']) client.write(`GET /work HTTP/1.1\r\nhost: x\r\nx-user: ${user}\r\n\r\n`);
    client.resume();
    await until(() => seen.length === 3);
    client.destroy();
    assert.deepEqual(
      seen,
      ['ada', 'bob', 'eve'].map((id) => [id, { type: 'user', id }]),
    );
  });

  test(`${version}: a stream that is piped into the response reads in the context throughout`, async () => {
    const seen = new Set<string>();
    const server = await serve((_req, res) => {
      let left = 200;
      const source = new Readable({
        highWaterMark: 1024,
        read() {
          seen.add(JSON.stringify(currentActor() ?? null));
          left -= 1;
          this.push(left < 0 ? null : Buffer.alloc(16_384));
        },
      });
      source.pipe(res);
    });
    assert.equal((await send(server, { headers: ada })).text.length, 200 * 16_384);
    assert.deepEqual([...seen], [JSON.stringify(adaActor)]);
  });

  test(`${version}: a listener that was added as another actor runs as that actor`, async () => {
    const seen: (ActorRef | undefined)[] = [];
    const server = await serve((_req, res) => {
      const note = (): void => void seen.push(currentActor());
      void runWithActor(actor.job('cleaner'), () => {
        res.on('finish', note);
        res.once('finish', note);
        res.prependListener('finish', note);
        res.prependOnceListener('finish', note);
        res.addListener('finish', note);
      });
      res.end();
    });
    await send(server, { headers: ada });
    await until(() => seen.length === 5);
    assert.deepEqual(new Set(seen.map((by) => by && 'id' in by && by.id)), new Set(['cleaner']));
  });

  test(`${version}: a body parser below another actor keeps that actor`, async () => {
    const app = create().use(asUser, (_req, _res, next) => runWithActor(actor.admin('root'), () => next()));
    app.use((req, _res, next) => void req.on('data', () => {}).on('end', () => next()));
    app.post('/work', (_req, res) => void res.json(currentActor()));
    const received = await send(await listen(createServer(app)), { body: ['one', 'two'], headers: ada });
    assert.deepEqual(JSON.parse(received.text), { type: 'admin', id: 'root' });
  });

  test(`${version}: listeners keep their identity, order and number of calls`, async () => {
    const calls: string[] = [];
    const server = await serve((_req, res) => {
      const kept = (): void => void calls.push('kept');
      const removed = (): void => void calls.push('removed');
      const first = (): void => void calls.push('first');
      const add = (): void => {
        res.on('own', removed).once('own', removed).prependOnceListener('own', removed);
        res.on('own', kept).once('own', kept).prependOnceListener('own', first);
        for (let i = 0; i < 3; i += 1) res.removeListener('own', removed);
        assert.deepEqual(res.listeners('own'), [first, kept, kept]);
        assert.throws(() => res.on('own', undefined as never), { code: 'ERR_INVALID_ARG_TYPE' });
      };
      add();
      assert.equal(res.emit('own'), true);
      assert.equal(res.listenerCount('own'), 1);
      calls.push('|');
      res.removeAllListeners('own');
      void runWithActor(actor.job('cleaner'), add);
      res.emit('own');
      assert.equal(res.listenerCount('own'), 1);
      assert.equal(Object.keys(res).includes('emit'), false);
      res.end();
    }, asUser);
    assert.equal((await send(server, {})).status, 200);
    assert.deepEqual(calls, ['first', 'kept', 'kept', '|', 'first', 'kept', 'kept']);
  });

  test(`${version}: an 'error' event without a listener throws as ever`, async () => {
    const server = await serve((_req, res) => {
      assert.throws(() => res.emit('error', new Error('unheard')), /unheard/);
      res.end();
    });
    assert.equal((await send(server, {})).status, 200);
  });
}
