import type { Method } from './driver.ts';

/** Takes an override back. */
export type Restore = () => void;

/**
 * Overrides a method of one object; `replacement` gets the original, bound to the object. The last
 * override of a method must be the first to be taken back. Plain assignments both ways: queries are
 * many, and deleting a property slows down every later access to its object.
 */
export function override(target: object, name: string, replacement: (original: Method) => Method): Restore {
  const methods = target as Record<string, Method | undefined>;
  const original = methods[name];
  methods[name] = replacement((...args) => original?.apply(target, args));
  return () => {
    methods[name] = original;
  };
}
