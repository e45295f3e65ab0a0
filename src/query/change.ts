import type { ActorRef } from '../core/actor.ts';
import type { JsonObject, JsonValue } from '../core/context.ts';

/** The kinds of row operation, as they are recorded. */
export const CHANGE_OPS = ['insert', 'update', 'delete', 'truncate', 'baseline'] as const;

/** One of `insert`, `update`, `delete`, `truncate`, and `baseline`: the row as it was when the log of its table began. */
export type ChangeOp = (typeof CHANGE_OPS)[number];

/**
 * Columns and their values as JSON. Numbers that JavaScript cannot hold exactly (a large bigint, a
 * numeric like `1.50`) are strings of their digits; timestamps, uuids and bytea are strings.
 */
export type ColumnValues = { readonly [column: string]: JsonValue };

/** One recorded row operation with the transaction that it belongs to. */
export interface Change {
  /** Opaque. Later changes have greater ids, and any id serves as the `cursor` of a next page. */
  readonly id: string;
  readonly op: ChangeOp;
  /** The names at the time of the change. */
  readonly table: { readonly schema: string; readonly name: string };
  /** Where a partition alone was truncated, its name; otherwise null. Rows carry the name of the partitioned table. */
  readonly partition: string | null;
  /** The key of the row after the change (for a delete: before it), or null for a table without key and for truncate. */
  readonly pk: ColumnValues | null;
  /** The former key where an update changed the key, otherwise null. */
  readonly pkBefore: ColumnValues | null;
  /** What an update changed, by column; empty for the other operations. */
  readonly changedFields: readonly string[];
  /** The row before the change; null for insert, truncate and baseline. */
  readonly before: ColumnValues | null;
  /** The row after the change; null for delete and truncate. */
  readonly after: ColumnValues | null;
  /** When the row was written: ISO 8601 in UTC with microseconds. */
  readonly at: string;
  readonly transaction: ChangeTransaction;
}

/** Who wrote, and under what: the same object content for all changes of one transaction under one context. */
export interface ChangeTransaction {
  /** Opaque, equal for changes that were written together. */
  readonly id: string;
  /** Null where the write came with no actor. */
  readonly actor: ActorRef | null;
  readonly correlationId: string | null;
  readonly requestId: string | null;
  readonly jobId: string | null;
  readonly source: string | null;
  readonly remoteIp: string | null;
  readonly meta: JsonObject | null;
  /** The database role that was logged in: what a claimed actor can be held against. */
  readonly dbUser: string | null;
  readonly applicationName: string | null;
  /** The business event that `recordAction` recorded in the same transaction, or null. */
  readonly action: ChangeAction | null;
}

/** A business event as `recordAction` recorded it. */
export interface ChangeAction {
  readonly id: string;
  readonly name: string;
  readonly status: 'ok' | 'error';
  readonly verb: string | null;
  readonly category: string | null;
  readonly reason: string | null;
  readonly comment: string | null;
  readonly meta: JsonObject | null;
  /** ISO 8601 in UTC with microseconds. */
  readonly at: string;
}
