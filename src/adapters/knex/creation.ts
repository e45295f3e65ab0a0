import type { Scope } from '../../core/context.ts';
import { currentScope, enterScope } from '../../core/store.ts';
import type { KnexBuilder, KnexRunner } from './driver.ts';

const scopes = new WeakMap<KnexBuilder, Scope>();

/** Notes in which context a builder was made, also of its clones. */
export function rememberCreation(builder: KnexBuilder, scope: Scope | undefined = currentScope()): KnexBuilder {
  if (scope === undefined) return builder;
  scopes.set(builder, scope);
  if (builder.clone !== undefined)
    Object.defineProperty(builder, 'clone', { value: cloneWithCreation, configurable: true, writable: true });
  return builder;
}

function cloneWithCreation(this: KnexBuilder): KnexBuilder {
  const { clone } = Object.getPrototypeOf(this) as Required<KnexBuilder>;
  return rememberCreation(clone.call(this), currentScope() ?? scopes.get(this));
}

/** Where a builder is executed in no context, it is executed in the one where it was made. */
export function runWhereCreated(builder: KnexBuilder, runner: KnexRunner): KnexRunner {
  const scope = currentScope() === undefined ? scopes.get(builder) : undefined;
  if (scope === undefined) return runner;
  // Piping goes through stream.
  for (const name of ['run', 'stream'] as const) {
    const original = runner[name];
    runner[name] = (...args) => enterScope(scope, () => original.apply(runner, args));
  }
  return runner;
}
