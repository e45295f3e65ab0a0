import type { Method } from './driver.ts';

/** Takes an override back. */
export type Restore = () => void;

/**
 * Overrides a method of one object; `replacement` gets the original, bound to the object. The last
 * override of a method must be the first to be taken back.
 */
export function override(target: object, name: string, replacement: (original: Method) => Method): Restore {
  const own = Object.getOwnPropertyDescriptor(target, name);
  const original: unknown = Reflect.get(target, name);
  const bound: Method = typeof original === 'function' ? (...args) => original.apply(target, args) : () => undefined;
  Object.defineProperty(target, name, {
    value: replacement(bound),
    configurable: true,
    writable: true,
    enumerable: false,
  });
  return () => {
    if (own) Object.defineProperty(target, name, own);
    else Reflect.deleteProperty(target, name);
  };
}
