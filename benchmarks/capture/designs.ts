import type pg from 'pg';
import { install, installTriggers } from '../../src/sql/index.ts';
import { byHand } from './by-hand.ts';
import { usualDesign } from './usual.ts';

/**
 * A way to audit a table, each with a table and a log of its own: in a log of several tables it would depend on their names
 * whether new entries of an index go to its end, where they are cheapest.
 */
export interface Design {
  readonly name: string;
  /** The table's name, with a schema of its own: what a log stores of it is as long as elsewhere. */
  readonly table: string;
  /** The table that holds the changes, or undefined where nothing is recorded. */
  readonly log?: string;
  /** Installs the log and the triggers. */
  audit?(admin: pg.Pool, table: string): Promise<unknown>;
}

/** The same table without a trigger, but with the same settings in each transaction. */
export const PLAIN: Design = { name: 'no trigger', table: 'plain.users' };
/** Threadline as it comes. */
export const THREADLINE: Design = {
  name: 'threadline',
  table: 'whole.users',
  log: 'threadline.audit_changes',
  audit: (admin, table) => installTriggers(admin, { tables: [table] }),
};
/** Threadline with the new values of an update only where they changed. */
export const CHANGED: Design = {
  name: 'threadline, images: changed',
  table: 'partial.users',
  log: 'threadline_changed.audit_changes',
  audit: async (admin, table) => {
    const schema = 'threadline_changed';
    await install(admin, { schema });
    await installTriggers(admin, { schema, tables: [{ table, images: 'changed' }] });
  },
};
/** What is to be reached with full images. */
export const HAND: Design = {
  name: 'by hand',
  table: 'hand.users',
  log: 'by_hand.changes',
  audit: (admin, table) => admin.query(byHand('by_hand', table, 'full')),
};
/** What is to be reached with the changed columns alone. */
export const HAND_CHANGED: Design = {
  name: 'by hand, images: changed',
  table: 'hand_partial.users',
  log: 'by_hand_changed.changes',
  audit: (admin, table) => admin.query(byHand('by_hand_changed', table, 'changed')),
};
/** What people write first. */
export const USUAL: Design = {
  name: 'usual design',
  table: 'common.users',
  log: 'usual.changes',
  audit: (admin, table) => admin.query(usualDesign(table)),
};

export const DESIGNS: readonly Design[] = [PLAIN, THREADLINE, HAND, CHANGED, HAND_CHANGED, USUAL];
