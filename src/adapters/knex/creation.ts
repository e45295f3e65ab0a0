import type { Scope } from '../../core/context.ts';
import { currentScope, enterScope } from '../../core/store.ts';
import type { KnexBuilder, KnexRunner } from './driver.ts';

const CREATION: unique symbol = Symbol('threadline.knex.creation');

/** A builder that notes in which context it was made: by assignment, which costs a tenth of a WeakMap. */
type Remembering = KnexBuilder & { [CREATION]?: Scope };

/** Notes in which context a builder was made, also of its clones. */
export function rememberCreation(builder: Remembering, scope: Scope | undefined = currentScope()): KnexBuilder {
  if (scope !== undefined) builder[CREATION] = scope;
  // Also of one made in no context: its clones may be made in one.
  if (builder.clone !== undefined) builder.clone = cloneWithCreation;
  return builder;
}

function cloneWithCreation(this: Remembering): KnexBuilder {
  const { clone } = Object.getPrototypeOf(this) as Required<KnexBuilder>;
  return rememberCreation(clone.call(this), currentScope() ?? this[CREATION]);
}

/** Where a builder is executed in no context, it is executed in the one where it was made. */
export function runWhereCreated(builder: Remembering, runner: KnexRunner): KnexRunner {
  const scope = currentScope() === undefined ? builder[CREATION] : undefined;
  if (scope === undefined) return runner;
  // Piping goes through stream.
  for (const name of ['run', 'stream'] as const) {
    const original = runner[name];
    runner[name] = (...args) => enterScope(scope, () => original.apply(runner, args));
  }
  return runner;
}
