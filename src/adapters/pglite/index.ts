import { ThreadlineError } from '../../core/errors.ts';
import { attributedMethods } from './attribute.ts';
import type { PGliteClient } from './driver.ts';
import { define, detachNotifications } from './notifications.ts';

/** What {@link wrapPGlite} takes: a PGlite, 0.4 or later, ready or not. */
export interface PGliteLike {
  query(...args: never[]): unknown;
  exec(...args: never[]): unknown;
  transaction(...args: never[]): unknown;
}

const INSTRUMENTED = Symbol.for('threadline.pglite.instrumented');

/**
 * Makes a PGlite attribute every write to the actor of the code that issued it: `query`, `exec`,
 * the `sql` template and `transaction`. Protocol messages that are handed over whole
 * (`execProtocol`, as a socket server in front of it does, or the connection that `createPgConfig`
 * gives to a Pool of `pg`) stay what they are: whoever made them brings their settings along, as
 * `wrapPool` does for that Pool. In place: returns the same instance; wrapping it again does nothing.
 *
 * @throws ThreadlineError `TL_PGLITE_UNSUPPORTED` for a PGlite before 0.4, or anything else
 * @example
 * const db = wrapPGlite(new PGlite());
 * await runWithActor(actor.user('42'), () => db.query('delete from posts where id = $1', [7]));
 */
export function wrapPGlite<Instance extends PGliteLike>(db: Instance): Instance {
  if (INSTRUMENTED in db) return db;
  const client = db as unknown as PGliteClient;
  if (typeof client.execProtocolStream !== 'function')
    throw new ThreadlineError('TL_PGLITE_UNSUPPORTED', 'wrapPGlite takes a PGlite of version 0.4 or later.');
  define(client, attributedMethods(client));
  detachNotifications(client);
  Object.defineProperty(db, INSTRUMENTED, { value: true });
  return db;
}
