import type pg from 'pg';
import { install, installTriggers } from '../../src/sql/index.ts';
import { BY_HAND, byHandTriggers } from './by-hand.ts';
import { USUAL_DESIGN, usualTrigger } from './usual.ts';

/** A way to audit a table, each with a table of its own. */
export interface Design {
  readonly name: string;
  /** The table's name, with a schema of its own: what a log stores of it is as long as elsewhere. */
  readonly table: string;
  /** The table that holds the changes, or undefined where nothing is recorded. */
  readonly log?: string;
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
  log: 'threadline.audit_changes',
  audit: (admin, table) => installTriggers(admin, { tables: [{ table, images: 'changed' }] }),
};
/** What is to be reached with full images. */
export const HAND: Design = {
  name: 'by hand',
  table: 'hand.users',
  log: 'by_hand.changes',
  audit: (admin, table) => admin.query(byHandTriggers(table, 'full')),
};
/** What is to be reached with the changed columns alone. */
export const HAND_CHANGED: Design = {
  name: 'by hand, images: changed',
  table: 'hand_partial.users',
  log: 'by_hand.changes',
  audit: (admin, table) => admin.query(byHandTriggers(table, 'changed')),
};
/** What people write first. */
export const USUAL: Design = {
  name: 'usual design',
  table: 'common.users',
  log: 'usual.changes',
  audit: (admin, table) => admin.query(usualTrigger(table)),
};

export const DESIGNS: readonly Design[] = [PLAIN, THREADLINE, HAND, CHANGED, HAND_CHANGED, USUAL];

/** Installs what the designs need besides their tables. */
export async function installDesigns(admin: pg.Pool): Promise<void> {
  await install(admin);
  await admin.query(BY_HAND);
  await admin.query(USUAL_DESIGN);
}
