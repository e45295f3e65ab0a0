import type { Executor } from '../core/executor.ts';
import { quoteIdentifier } from '../core/identifier.ts';

/** What an installation can do without, and what that means. */
export const NOTICE_CODES = ['no_event_trigger'] as const;

/** Something that an installation has to do without. */
export interface Notice {
  readonly code: (typeof NOTICE_CODES)[number];
  readonly message: string;
  /** How to get it, or how to live without it. */
  readonly remedy: string;
}

/** What is missing in an installation, all of which needs rights that not every owner of a database has. */
export async function noticesOf(executor: Executor, schema: string): Promise<readonly Notice[]> {
  return (await hasEventTrigger(executor, schema)) ? [] : [noEventTrigger(schema)];
}

/** Whether schema changes are followed by an event trigger that is enabled. */
export async function hasEventTrigger(executor: Executor, schema: string): Promise<boolean> {
  const [row] = await executor.query(
    `select (exists (
       select from pg_catalog.pg_event_trigger e
       join pg_catalog.pg_proc p on p.oid = e.evtfoid
       where p.pronamespace = pg_catalog.to_regnamespace($1::pg_catalog.text) and e.evtenabled in ('O', 'A')
     ))::pg_catalog.text as found`,
    [quoteIdentifier(schema)],
  );
  return Object.values(row ?? {})[0] === 'true';
}

function noEventTrigger(schema: string): Notice {
  return {
    code: 'no_event_trigger',
    message: 'No event trigger follows changes of audited tables, which takes a superuser, or what a host has instead',
    remedy: `No write is lost without it: run installTriggers again after such a change, or let a superuser run SELECT ${quoteIdentifier(schema)}.install_event_trigger()`,
  };
}
