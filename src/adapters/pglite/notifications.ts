import { enterScope } from '../../core/store.ts';
import type { Notified, PGliteClient } from './driver.ts';

/**
 * A notification is delivered in the middle of somebody's statement. What it causes belongs to
 * nobody: neither to that somebody, nor for ever to whoever asked to be notified.
 */
export function detachNotifications(db: PGliteClient): void {
  const detached = new WeakMap<Notified, Notified>();
  const detach = (callback: Notified): Notified => {
    const known = detached.get(callback);
    if (known) return known;
    const made: Notified = (...payload) => enterScope(undefined, () => callback(...payload));
    detached.set(callback, made);
    return made;
  };
  const { listen, unlisten, onNotification, offNotification } = db;
  define(db, {
    listen: (channel, callback, transaction) => listen.call(db, channel, detach(callback), transaction),
    unlisten: (channel, callback, transaction) =>
      unlisten.call(db, channel, callback && (detached.get(callback) ?? callback), transaction),
    onNotification: (callback) => onNotification.call(db, detach(callback)),
    offNotification: (callback) => offNotification.call(db, detached.get(callback) ?? callback),
  });
}

/** Puts methods onto an object where they do not show. */
export function define(db: PGliteClient, methods: Partial<PGliteClient>): void {
  for (const [name, value] of Object.entries(methods))
    Object.defineProperty(db, name, { value, configurable: true, writable: true, enumerable: false });
}
