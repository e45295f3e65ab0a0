import type { ActorRef, ChangeOp } from '../../src/index.ts';

/** A change that the sender of a request knows it has made, written down without asking the database. */
export interface KnownChange {
  readonly actor: ActorRef;
  readonly correlationId: string;
  readonly op: ChangeOp;
  readonly table: string;
  /** The key of the row, after the change. */
  readonly key: Readonly<Record<string, string>>;
  /** The columns that an update changed. */
  readonly fields: readonly string[];
}

/** What a request changes; who and under which id is added where it is sent. */
export type Effect = Omit<KnownChange, 'actor' | 'correlationId'>;

export function inserted(table: string, key: KnownChange['key']): Effect {
  return { op: 'insert', table, key, fields: [] };
}

export function updated(table: string, key: KnownChange['key'], ...fields: readonly string[]): Effect {
  return { op: 'update', table, key, fields };
}

export function deleted(table: string, key: KnownChange['key']): Effect {
  return { op: 'delete', table, key, fields: [] };
}
