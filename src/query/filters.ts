import { z } from 'zod';
import { type ActorRef, actorRefSchema } from '../core/actor.ts';
import type { Executor } from '../core/executor.ts';
import { parseAtEdge } from '../core/validation.ts';
import { CHANGE_OPS, type ChangeOp } from './change.ts';
import { type PageOptions, pageConditions, pageShape, unknownKeys } from './page.ts';
import type { Parameters } from './parameters.ts';
import { type ResolvedTable, resolveTable, type TableReference, tableReferenceSchema } from './table-reference.ts';

/** Which changes to read. A filter that is left out lets everything through. */
export interface TimelineFilters extends PageOptions {
  readonly table?: TableReference | undefined;
  /** Whose changes; `null` for those that came with no actor. */
  readonly actor?: ActorRef | null | undefined;
  /** Not earlier than this: a Date, or ISO 8601 text, a date (its midnight in UTC) or a time with its offset. */
  readonly from?: Date | string | undefined;
  /** Earlier than this: as `from`. */
  readonly to?: Date | string | undefined;
  readonly correlationId?: string | undefined;
  /** One kind of operation, or several. */
  readonly op?: ChangeOp | readonly ChangeOp[] | undefined;
}

const opSchema = z.enum(CHANGE_OPS);
const opsSchema = z.union([opSchema, z.array(opSchema).min(1)], {
  error: `must be one of ${CHANGE_OPS.join(', ')}, or a list of them`,
});
const timeSchema = z.union([z.date(), z.iso.date(), z.iso.datetime({ offset: true })], {
  error: 'must be a Date, a date (2026-03-01) or a time with its offset (2026-03-01T12:00:00Z)',
});

const filtersShape = {
  table: tableReferenceSchema.optional(),
  actor: actorRefSchema.nullable().optional(),
  from: timeSchema.optional(),
  to: timeSchema.optional(),
  correlationId: z.string().min(1, 'must not be empty').optional(),
  op: opsSchema.optional(),
  ...pageShape,
} as const;

const filtersSchema: z.ZodType<TimelineFilters> = z.strictObject(filtersShape, {
  error: unknownKeys('filter', Object.keys(filtersShape)),
});

/** Checks filters that came from a caller. */
export function parseFilters(filters: TimelineFilters): TimelineFilters {
  return parseAtEdge(filtersSchema, filters, 'TL_FILTER_INVALID', 'Invalid filters');
}

/** The order of a timeline, as SQL: the newest first, told such that the index on tables serves it. */
export function orderOf(filters: TimelineFilters): string {
  return filters.table === undefined ? 'c.id desc' : 'c.table_name desc, c.table_schema desc, c.id desc';
}

/** The conditions that the filters put on a change `c` in its transaction `t`, as SQL. */
export async function conditionsOf(
  executor: Executor,
  filters: TimelineFilters,
  parameters: Parameters,
): Promise<readonly string[]> {
  const { table, actor, from, to, correlationId, op } = filters;
  const conditions =
    table === undefined
      ? [...pageConditions(filters, parameters)]
      : tableConditions(await resolveTable(executor, table, filters.schema), filters, parameters);
  if (actor !== undefined) conditions.push(actorCondition(actor, parameters));
  if (correlationId !== undefined) conditions.push(`t.correlation_id = ${parameters.add(correlationId)}`);
  if (from !== undefined) conditions.push(`c.captured_at >= ${addTime(from, parameters)}`);
  if (to !== undefined) conditions.push(`c.captured_at < ${addTime(to, parameters)}`);
  if (op !== undefined) conditions.push(`c.op in (${[op].flat().map(parameters.add).join(', ')})`);
  return conditions;
}

// Bounds, where equality would say the same: told that the names are constant, the planner finds the order by id in
// the primary key as well, and walks over the ten million rows of another table that were written last.
function tableConditions(table: ResolvedTable, page: PageOptions, parameters: Parameters): string[] {
  const names = `${parameters.add(table.name)}, ${parameters.add(table.schema)}`;
  const end = parameters.add(page.cursor ?? '9223372036854775807');
  return [
    `(c.table_name, c.table_schema) >= (${names})`,
    `(c.table_name, c.table_schema, c.id) < (${names}, ${end}::pg_catalog.int8)`,
  ];
}

// The expressions of the index on actors, word for word: the planner compares them as they stand.
function actorCondition(actor: ActorRef | null, parameters: Parameters): string {
  if (actor === null) return 't.actor_ref is null';
  const type = `(t.actor_ref ->> 'type') collate "C" = ${parameters.add(actor.type)}`;
  const id = `(t.actor_ref ->> 'id') collate "C"`;
  return `${type} and ${actor.type === 'anonymous' ? `${id} is null` : `${id} = ${parameters.add(actor.id)}`}`;
}

function addTime(time: Date | string, parameters: Parameters): string {
  const text = time instanceof Date ? time.toISOString() : time.length === 10 ? `${time}T00:00:00Z` : time;
  return `${parameters.add(text)}::pg_catalog.timestamptz`;
}
