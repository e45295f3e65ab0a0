import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { cp, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import knex from 'knex';
import postgres from 'postgres';
import { currentScope, currentSettings, enterScope } from '../../src/core/store.ts';
import {
  type ActorRef,
  actor,
  bindContext,
  currentActor,
  currentContext,
  runDetached,
  runWithActor,
  runWithContext,
} from '../../src/index.ts';
import { createTestDatabase } from '../support/database.ts';

const ada = actor.user('ada');
const root = actor.admin('root');

describe('runWithActor', () => {
  test('at the root begins a context with a correlation id of its own', () => {
    const ids = [1, 2].map(() => runWithActor(ada, () => currentContext()?.correlationId));
    assert.equal(new Set(ids).size, 2);
    assert.match(ids[0] ?? '', /^[0-9a-f-]{36}$/);
    assert.equal(currentContext(), undefined);
    assert.equal(currentActor(), undefined);
  });

  test('below a context replaces the actor and keeps the rest, and only inside', () => {
    const outer = { actor: ada, correlationId: 'c-1', requestId: 'r-1', source: 'http', meta: { a: [1] } };
    void runWithContext(outer, () => {
      const inner = runWithActor(root, () => currentContext());
      assert.deepEqual(inner, { ...outer, actor: root });
      assert.deepEqual(currentContext(), outer);
    });
  });

  test('keeps parallel branches apart', async () => {
    const seen = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        runWithActor(actor.user(`u${index}`), async () => {
          for (let turn = 0; turn < index % 5; turn += 1) await setImmediate();
          return currentActor();
        }),
      ),
    );
    assert.deepEqual(
      seen,
      seen.map((_, index) => actor.user(`u${index}`)),
    );
  });

  test('returns what a sync function returns, and throws what it throws', () => {
    assert.equal(
      runWithActor(ada, () => 7),
      7,
    );
    const object = Object.fromEntries([['then', 'not a function']]);
    assert.equal(
      runWithActor(ada, () => object),
      object,
    );
    const error = new Error('mine');
    assert.throws(
      () => runWithActor(ada, () => assert.fail(error)),
      (thrown) => thrown === error,
    );
    assert.equal(currentContext(), undefined);
  });

  test('returns the very promise of an async function', async () => {
    const promise = Promise.resolve(7);
    assert.equal(
      runWithActor(ada, () => promise),
      promise,
    );
    await assert.rejects(
      runWithActor(ada, async () => assert.fail('mine')),
      /mine/,
    );
  });

  test('refuses an invalid actor before anything runs', () => {
    const run = () => runWithActor({ type: 'user', id: '' }, () => assert.fail('ran'));
    assert.throws(run, { code: 'TL_ACTOR_ID_EMPTY' });
  });
});

describe('a lazy query that the function returns is executed inside of the context', () => {
  const lazily = (execute: () => unknown): PromiseLike<unknown> => {
    class LazyPromise extends Promise<unknown> {
      // biome-ignore lint/suspicious/noThenProperty: this is what a lazy query is
      override then: Promise<unknown>['then'] = (resolve, reject) =>
        Promise.resolve().then(execute).then(resolve, reject);
      static override get [Symbol.species]() {
        return Promise;
      }
    }
    return new LazyPromise(() => {});
  };
  const thenable = (execute: () => unknown): PromiseLike<unknown> => ({
    // biome-ignore lint/suspicious/noThenProperty: this is what a lazy query is
    then: (resolve, reject) => Promise.resolve().then(execute).then(resolve, reject),
  });

  for (const [what, lazy] of [
    ['a thenable', thenable],
    ['a subclass of Promise', lazily],
  ] as const)
    test(what, async () => {
      for (const run of [
        () => runWithActor(ada, () => lazy(() => currentActor())),
        () => runWithContext({ actor: ada }, () => lazy(() => currentActor())),
        () => runDetached(() => lazy(() => currentActor() ?? ada)),
      ])
        assert.deepEqual(await runWithActor(root, run), ada);
      await assert.rejects(async () => runWithActor(ada, () => lazy(() => assert.fail('mine'))), /mine/);
    });

  test('of Knex and of postgres.js, in one line', async () => {
    const database = await createTestDatabase();
    const seen: [driver: string, by: ActorRef | undefined][] = [];
    const db = knex({ client: 'pg', connection: database.url, pool: { min: 0, max: 1 } });
    db.on('query', () => seen.push(['knex', currentActor()]));
    const sql = postgres(database.url, { max: 1, debug: () => seen.push(['postgres.js', currentActor()]) });
    await sql`select 1`;
    await db.raw('select 1');
    seen.length = 0;
    assert.deepEqual(await runWithActor(ada, () => db.select(db.raw('1 as one'))), [{ one: 1 }]);
    assert.deepEqual([...(await runWithActor(ada, () => sql`select 1 as one`))], [{ one: 1 }]);
    assert.deepEqual(seen, [
      ['knex', ada],
      ['postgres.js', ada],
    ]);
    await Promise.all([db.destroy(), sql.end()]);
  });
});

test('runWithContext keeps nothing of the current context and generates nothing', () => {
  void runWithContext({ actor: ada, correlationId: 'c-1', meta: { a: 1 } }, () => {
    assert.deepEqual(
      runWithContext({ jobId: '17' }, () => currentContext()),
      { jobId: '17' },
    );
    assert.deepEqual(
      runWithContext({}, () => currentContext()),
      {},
    );
  });
  assert.throws(() => runWithContext({ userId: '42' } as object, () => assert.fail('ran')), {
    code: 'TL_CONTEXT_INVALID',
  });
});

test('runDetached has no context, also in timers that it starts', async () => {
  const seen = await runWithActor(ada, async () => {
    const detached = runDetached(async () => {
      const at = currentContext();
      await setImmediate();
      return [at, currentContext()];
    });
    const own = currentActor();
    return [...(await detached), own];
  });
  assert.deepEqual(seen, [undefined, undefined, ada]);
});

test('bindContext brings arguments, this and result through, and the context of where it was called', () => {
  const emitter = new EventEmitter();
  const seen: unknown[] = [];
  void runWithActor(ada, () => {
    emitter.on(
      'event',
      bindContext(function (this: unknown, ...args: unknown[]) {
        seen.push([currentActor(), this === emitter, args]);
      }),
    );
  });
  void runWithActor(root, () => emitter.emit('event', 1, 2));
  assert.deepEqual(seen, [[ada, true, [1, 2]]]);
  const bound = bindContext(() => currentActor());
  assert.equal(runWithActor(root, bound), undefined);
  assert.equal(runWithActor(ada, () => bindContext((a: number, b: number) => a + b))(1, 2), 3);
  // Express tells its error handlers by the number of their parameters.
  const handler = (_error: unknown, _request: unknown, _response: unknown, _next: unknown) => {};
  assert.equal(bindContext(handler).length, 4);
  assert.equal(bindContext(handler).name, 'handler');
});

test('a loop of jobs does not hand the actor of one on to the next', async () => {
  const seen: unknown[] = [];
  const handle = async (by: ActorRef | undefined): Promise<void> => {
    const work = async () => {
      await setImmediate();
      seen.push(currentActor());
    };
    await (by ? runWithActor(by, work) : work());
  };
  for (const by of [ada, undefined, root]) await handle(by);
  assert.deepEqual(seen, [ada, undefined, root]);
});

test('adapters read the scope and its settings where they are called, and enter it again', () => {
  assert.equal(currentScope(), undefined);
  assert.deepEqual(currentSettings(), { actorRef: '', context: '' });
  const scope = runWithContext({ actor: ada }, () => currentScope());
  assert.deepEqual(
    enterScope(scope, () => currentSettings()),
    { actorRef: '{"type":"user","id":"ada"}', context: '' },
  );
  assert.equal(
    enterScope(scope, () => enterScope(undefined, () => currentScope())),
    undefined,
  );
});

test("two copies of the package share the one store, and know each other's errors", async () => {
  const directory = await mkdtemp(join(tmpdir(), 'threadline-copy-'));
  after(() => rm(directory, { recursive: true, force: true }));
  await cp(join(import.meta.dirname, '../../src/core'), join(directory, 'core'), { recursive: true });
  await symlink(join(import.meta.dirname, '../../node_modules'), join(directory, 'node_modules'));
  await writeFile(join(directory, 'package.json'), '{"type":"module"}');
  const copy = async <Module>(name: string): Promise<Module> =>
    import(pathToFileURL(join(directory, 'core', name)).href);
  const store = await copy<typeof import('../../src/core/store.ts')>('store.ts');
  const errors = await copy<typeof import('../../src/core/errors.ts')>('errors.ts');
  assert.notEqual(store.runWithActor, runWithActor);
  assert.deepEqual(
    runWithActor(ada, () => store.currentActor()),
    ada,
  );
  assert.deepEqual(
    store.runWithActor(ada, () => runWithActor(root, () => JSON.parse(store.currentSettings().actorRef))),
    root,
  );
  const foreign = new errors.ThreadlineError('TL_ACTOR_INVALID', 'from the copy');
  const { isThreadlineError, ThreadlineError } = await import('../../src/index.ts');
  assert.ok(isThreadlineError(foreign) && !(foreign instanceof ThreadlineError));
  assert.ok(errors.isThreadlineError(new ThreadlineError('TL_ACTOR_INVALID', 'from here')));
});
