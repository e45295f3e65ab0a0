import type { ActorRef } from '../core/actor.ts';
import type { JsonValue } from '../core/context.ts';
import type { Change, ColumnValues } from '../query/index.ts';
import type { TextColumn } from './text-table.ts';

/** An actor as it is written on the command line: `user:42`, `anonymous`, `none`. */
export function actorText(actor: ActorRef | null): string {
  if (actor === null) return 'none';
  return actor.type === 'anonymous' ? actor.type : `${actor.type}:${actor.id}`;
}

/** What a change says of its row: each changed column with both values, or the row that came or went. */
export function detailText({ op, pk, changedFields, before, after }: Change): string {
  if (op !== 'update') return valuesText(after ?? before ?? {}, pk);
  return changedFields.map((name) => `${name}: ${valueText(before?.[name])} → ${valueText(after?.[name])}`).join(', ');
}

/** Values by column, but for those that are shown elsewhere. */
function valuesText(values: ColumnValues, without: ColumnValues | null): string {
  return Object.entries(values)
    .filter(([name]) => without === null || !Object.hasOwn(without, name))
    .map(([name, value]) => `${name}: ${valueText(value)}`)
    .join(', ');
}

function valueText(value: JsonValue | undefined): string {
  return value === undefined ? '–' : JSON.stringify(value);
}

/** A key as `threadline history` takes it: the value of its one column, or column=value for each. */
function keyText(pk: ColumnValues | null): string {
  const columns = Object.entries(pk ?? {}).map(
    ([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)] as const,
  );
  return columns.length === 1
    ? columns.map(([, value]) => value).join('')
    : columns.map((pair) => pair.join('=')).join(' ');
}

const AT: TextColumn<Change> = {
  title: 'time (UTC)',
  maximum: 23,
  text: ({ at }) => `${at.slice(0, 10)} ${at.slice(11, 23)}`,
};
const ACTOR: TextColumn<Change> = {
  title: 'actor',
  maximum: 32,
  minimum: 12,
  text: ({ transaction }) => actorText(transaction.actor),
};
const OP: TextColumn<Change> = { title: 'op', maximum: 8, text: ({ op }) => op };
const ACTION: TextColumn<Change> = {
  title: 'action',
  maximum: 32,
  minimum: 14,
  text: ({ transaction }) => transaction.action?.name ?? '',
};
const CORRELATION: TextColumn<Change> = {
  title: 'correlation',
  maximum: 36,
  minimum: 11,
  text: ({ transaction }) => transaction.correlationId ?? '',
};
const DETAIL: TextColumn<Change> = { title: 'values', maximum: 100, minimum: 30, text: detailText };

/** The columns of a timeline. */
export const TIMELINE_COLUMNS: readonly TextColumn<Change>[] = [
  AT,
  ACTOR,
  OP,
  {
    title: 'table',
    maximum: 40,
    minimum: 14,
    text: ({ table, partition }) =>
      `${table.schema === 'public' ? '' : `${table.schema}.`}${table.name}${partition === null ? '' : ` (${partition})`}`,
  },
  { title: 'key', maximum: 36, minimum: 8, text: ({ pk }) => keyText(pk) },
  ACTION,
  CORRELATION,
  DETAIL,
];

/** The columns of the history of a row. */
export const HISTORY_COLUMNS: readonly TextColumn<Change>[] = [
  AT,
  ACTOR,
  OP,
  { title: 'key', maximum: 36, minimum: 8, text: ({ pk }) => keyText(pk) },
  ACTION,
  { title: 'reason', maximum: 40, minimum: 12, text: ({ transaction }) => transaction.action?.reason ?? '' },
  CORRELATION,
  DETAIL,
];
