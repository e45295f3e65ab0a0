import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * What all copies of the package in a process have in common, made by the first of them. It is kept on a class of
 * Node's own: every realm (a vm context, as Jest gives one to each test file) has another `globalThis`, but the same
 * modules of Node, and the context that they carry through each other's calls is one.
 */
export function shared<Value extends object>(name: string, make: () => Value): Value {
  const holder = AsyncLocalStorage as unknown as Record<symbol, unknown>;
  const key = Symbol.for(name);
  holder[key] ??= make();
  return holder[key] as Value;
}
