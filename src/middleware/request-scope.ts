import type { EventEmitter } from 'node:events';
import type { Scope } from '../core/context.ts';
import { shared } from '../core/shared.ts';
import { currentScope, enterScope } from '../core/store.ts';

// Shared like the store, so that two copies of the package agree about a request.
const scopes = shared('threadline.requests.v1', () => new WeakMap<object, Scope>());

/** The scope that a middleware gave to this request, the last one if there were several. */
export function scopeOfRequest(identity: object): Scope | undefined {
  return scopes.get(identity);
}

/** Remembers the scope of a request, or of any other object that stands for it. */
export function setScopeOfRequest(identity: object, scope: Scope): void {
  scopes.set(identity, scope);
}

type Listener = (this: unknown, ...args: unknown[]) => unknown;
type Method = (...args: never[]) => unknown;

const AT_END = ['on', 'addListener', 'once'] as const;
const AT_START = ['prependListener', 'prependOnceListener'] as const;
type RegisterName = (typeof AT_END)[number] | (typeof AT_START)[number];

/**
 * Makes the listeners of a node request or response run in the request's scope.
 *
 * Node emits most of these events in the context of the socket, which several requests share: a body
 * parser that calls `next` from 'end', or a listener of 'close', would run in no context or in that
 * of another request. A listener that was added inside of `runWithActor` keeps that actor; all
 * others run in the scope of the request.
 */
export function bindEvents(emitter: EventEmitter, scope: Scope): void {
  const isBound = scopes.has(emitter);
  scopes.set(emitter, scope);
  if (isBound) return;
  const { emit, on, prependListener } = emitter;
  replace(emitter, 'emit', function boundEmit(this: unknown, ...args) {
    return enterScope(scopes.get(emitter), () => Reflect.apply(emit, this, args));
  });
  for (const name of AT_END) replace(emitter, name, registering(emitter, name, on));
  for (const name of AT_START) replace(emitter, name, registering(emitter, name, prependListener));
}

function registering(emitter: EventEmitter, name: RegisterName, registerBound: Method): Listener {
  const register: Method = emitter[name];
  return function boundRegister(this: unknown, ...args) {
    const [type, listener] = args;
    const scope = currentScope();
    if (scope === undefined || scope === scopes.get(emitter) || typeof listener !== 'function')
      return Reflect.apply(register, this, args);
    const bound: Listener & { listener?: unknown } = function boundListener(...values) {
      if (name === 'once' || name === 'prependOnceListener') emitter.removeListener(type as string, bound);
      return enterScope(scope, () => Reflect.apply(listener, this, values));
    };
    // By this property node finds a wrapped listener again when the original is to be removed.
    bound.listener = listener;
    return Reflect.apply(registerBound, this, [type, bound]);
  };
}

function replace(emitter: EventEmitter, name: RegisterName | 'emit', value: Listener): void {
  Object.defineProperty(emitter, name, { value, configurable: true, enumerable: false, writable: true });
}
