import { AsyncLocalStorage } from 'node:async_hooks';
import { type ActorRef, parseActor } from './actor.ts';
import { type AuditContext, type AuditContextInput, makeScope, type Scope } from './context.ts';
import { newCorrelationId } from './correlation.ts';
import { shared } from './shared.ts';
import { NO_SETTINGS, type Settings } from './wire.ts';

// One store for the process, also when two copies of the package are loaded.
const store = shared('threadline.store.v1', () => new AsyncLocalStorage<Scope | undefined>());

/** The scope of the running code, for adapters: read it in the call that the user makes, never later. */
export function currentScope(): Scope | undefined {
  return store.getStore();
}

/** The settings that a statement issued right here must carry, for adapters. */
export function currentSettings(): Settings {
  return store.getStore()?.settings ?? NO_SETTINGS;
}

/** Runs `fn` in `scope` and nothing else: the re-entry point for callbacks handed to a driver. */
export function enterScope<T>(scope: Scope | undefined, fn: () => T): T {
  return store.run(scope, fn);
}

/** The context of the running code, or undefined where there is none. */
export function currentContext(): AuditContext | undefined {
  return store.getStore()?.context;
}

/** The actor of the running code, or undefined where there is none. */
export function currentActor(): ActorRef | undefined {
  return store.getStore()?.context.actor;
}

/**
 * Runs `fn` as `actor`: every write that it causes, however deep and however late, is attributed
 * to that actor. The rest of the current context is kept; where there is none, a new correlation
 * id begins. `fn` may be sync, async, or return a lazy query (a Knex builder, a postgres.js query):
 * that is then executed inside the context.
 *
 * @returns what `fn` returns; a promise for the result where that is a lazy query
 * @throws ThreadlineError `TL_ACTOR_…` for an invalid actor, before `fn` is called
 * @example await runWithActor(actor.user('42'), () => pool.query('delete from posts where id = $1', [7]))
 */
export function runWithActor<T>(actor: ActorRef, fn: () => PromiseLike<T>): Promise<T>;
export function runWithActor<T>(actor: ActorRef, fn: () => T): T;
export function runWithActor<T>(actor: ActorRef, fn: () => T): T | Promise<unknown> {
  const context = currentContext() ?? { correlationId: newCorrelationId() };
  return runInScope(makeScope({ ...context, actor: parseActor(actor) }), fn);
}

/**
 * Runs `fn` in exactly this context: nothing of the current one is kept, nothing is generated.
 *
 * @throws ThreadlineError `TL_CONTEXT_…` or `TL_ACTOR_…`, before `fn` is called
 * @example runWithContext({ actor: actor.job('nightly'), jobId: '17', source: 'cron' }, cleanUp)
 */
export function runWithContext<T>(context: AuditContextInput, fn: () => PromiseLike<T>): Promise<T>;
export function runWithContext<T>(context: AuditContextInput, fn: () => T): T;
export function runWithContext<T>(context: AuditContextInput, fn: () => T): T | Promise<unknown> {
  return runInScope(makeScope(context), fn);
}

/**
 * Runs `fn` in no context at all: for timers, caches and sockets that are set up during a request
 * and outlive it. What they write has no actor, instead of that of the first request.
 *
 * @example runDetached(() => setInterval(refreshPrices, 60_000))
 */
export function runDetached<T>(fn: () => PromiseLike<T>): Promise<T>;
export function runDetached<T>(fn: () => T): T;
export function runDetached<T>(fn: () => T): T | Promise<unknown> {
  return runInScope(undefined, fn);
}

/**
 * Binds `fn` to the current context: called later, from wherever, it runs in it.
 *
 * @example emitter.on('done', bindContext(() => pool.query('update jobs set done = true')))
 */
export function bindContext<This, Args extends unknown[], Result>(
  fn: (this: This, ...args: Args) => Result,
): (this: This, ...args: Args) => Result {
  const scope = currentScope();
  const bound = function (this: This, ...args: Args): Result {
    return store.run(scope, () => fn.apply(this, args));
  };
  // Some look at the number of parameters: Express knows its error handlers by it.
  return Object.defineProperties(bound, { name: { value: fn.name }, length: { value: fn.length } });
}

function runInScope<T>(scope: Scope | undefined, fn: () => T): T | Promise<unknown> {
  return store.run(scope, () => {
    const result = fn();
    return isLazy(result) ? new Promise((resolve, reject) => void result.then(resolve, reject)) : result;
  });
}

/** Whether a value does its work only when `then` is called. A subclass of Promise may (postgres.js); a plain one never does. */
function isLazy(value: unknown): value is PromiseLike<unknown> {
  if (typeof value !== 'object' && typeof value !== 'function') return false;
  if (value === null || Object.getPrototypeOf(value) === Promise.prototype) return false;
  return typeof (value as { then?: unknown }).then === 'function';
}
