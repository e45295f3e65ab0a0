import { z } from 'zod';
import { type ActorRef, actorRefSchema } from '../core/actor.ts';
import { dateSchema, parseAtEdge } from '../core/validation.ts';
import { CHANGE_OPS, type ChangeOp } from './change.ts';
import { type PageOptions, pageShape, unknownKeys } from './page.ts';
import { type TableReference, tableReferenceSchema } from './table-reference.ts';

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
// PostgreSQL has no year 0, and offsets of up to 15:59.
const isKnownToPostgres = (text: string) => !/^0000|[+-](?:1[6-9]|2\d):\d\d$/.test(text);
const timeTexts = [z.iso.date(), z.iso.datetime({ offset: true })] as const;
const timeSchema = z.union([dateSchema, z.union(timeTexts).refine(isKnownToPostgres)], {
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
