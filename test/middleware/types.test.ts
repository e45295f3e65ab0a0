import assert from 'node:assert/strict';
import { test } from 'node:test';
import express, { type Request } from 'express';
import Fastify, { type FastifyInstance } from 'fastify';
import { type Context, Hono } from 'hono';
import { hc } from 'hono/client';
import { actor } from '../../src/index.ts';
import { threadline as forExpress } from '../../src/middleware/express.ts';
import { threadline as forFastify } from '../../src/middleware/fastify.ts';
import { threadline as forHono } from '../../src/middleware/hono.ts';

// What applications and their authentication declare.
interface SignedIn {
  readonly id: string;
}
declare global {
  namespace Express {
    interface Request {
      user?: SignedIn;
    }
  }
}
declare module 'fastify' {
  interface FastifyRequest {
    user?: SignedIn;
  }
}

test('Express: what is declared on requests is known to the actor function, and handlers keep their types', () => {
  const app = express();
  const middleware = forExpress({ actor: (req) => (req.user ? actor.user(req.user.id) : undefined) });
  app.use(middleware);
  app.use(forExpress({ actor: (req) => (req.user ? actor.user(req.user.id) : undefined) }));
  app.use('/admin', express.Router().use(forExpress({ actor: async (req) => req.user && actor.admin(req.user.id) })));
  app.use(
    forExpress({ actor: (req: Request) => actor.user(String(req.cookies)), meta: (req) => ({ path: req.path }) }),
  );
  app.get('/users/:id', middleware, (req, res) => {
    const id: string = req.params.id;
    // @ts-expect-error there is no such parameter
    void req.params.name;
    res.json({ id });
  });
  app.post<'/typed', object, { ok: boolean }, { amount: number }>('/typed', middleware, (req, res) => {
    const amount: number = req.body.amount;
    res.json({ ok: amount > 0 });
  });
  // @ts-expect-error the actor is required
  assert.throws(() => forExpress({}));
  // @ts-expect-error an id alone is no actor
  forExpress({ actor: (req) => req.user?.id });
});

test('Hono: applications keep their variables, their parameters and their client', () => {
  type Signed = { Variables: { user: SignedIn | undefined } };
  const app = new Hono<Signed>()
    .use(forHono({ actor: (c) => (c.get('user') ? actor.user(c.get('user').id) : undefined) }))
    .use('/admin/*', forHono({ actor: async (c: Context<Signed>) => actor.admin(c.get('user')?.id ?? 'nobody') }))
    .get('/users/:id', forHono({ actor: () => null, remoteIp: (c) => c.req.header('x-real-ip') }), (c) => {
      const id: string = c.req.param('id');
      const name: string | undefined = c.get('user')?.id;
      // @ts-expect-error a user is no number
      const wrong: number = c.get('user');
      return c.json({ id, name, wrong });
    });
  const client = hc<typeof app>('http://127.0.0.1');
  assert.equal(client.users[':id'].$url({ param: { id: '7' } }).pathname, '/users/7');
  // @ts-expect-error an id alone is no actor
  forHono({ actor: () => '42' });
});

test('Fastify: every kind of instance takes it, and routes keep their types', async () => {
  const plugin = forFastify({ actor: (request) => (request.user ? actor.user(request.user.id) : undefined) });
  const app: FastifyInstance = Fastify();
  app.register(plugin);
  app.register(plugin, { prefix: '/ignored' });
  app.register(async (inner) => void inner.register(plugin));
  app.get<{ Params: { id: string }; Reply: { id: string } }>('/users/:id', async (request) => {
    // @ts-expect-error there is no such parameter
    void request.params.name;
    return { id: request.params.id };
  });
  await app.ready();
  const secure = Fastify({ http2: true, loggerInstance: Object.assign(app.log, { isOwn: true }) });
  secure.register(plugin);
  await secure.ready();
  // @ts-expect-error the hooks are three
  assert.throws(() => forFastify({ actor: () => null, hook: 'onSend' }));
  await Promise.all([app.close(), secure.close()]);
});
