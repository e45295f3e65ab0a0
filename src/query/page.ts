import { z } from 'zod';
import { DEFAULT_SCHEMA, quoteIdentifier } from '../core/identifier.ts';
import { asciiJson } from '../core/wire.ts';
import type { Parameters } from './parameters.ts';

/** How many changes come back unless the caller says otherwise. */
export const DEFAULT_LIMIT = 50;
/** How many changes one call can return. */
export const MAX_LIMIT = 1000;

/** What every function that returns changes takes besides its filters. */
export interface PageOptions {
  /** How many changes at most: 1 to 1000, 50 by default. */
  readonly limit?: number | undefined;
  /** The `id` of the last change of the page before: only older changes follow. */
  readonly cursor?: string | undefined;
  /** The schema that Threadline is installed in; `threadline` by default. */
  readonly schema?: string | undefined;
}

/** The zod schemas of {@link PageOptions}, for the schemas of the functions' own options. */
export const pageShape: {
  readonly limit: z.ZodOptional<z.ZodNumber>;
  readonly cursor: z.ZodOptional<z.ZodString>;
  readonly schema: z.ZodOptional<z.ZodString>;
} = {
  limit: z.number().int('must be a whole number').min(1).max(MAX_LIMIT, `must be at most ${MAX_LIMIT}`).optional(),
  cursor: z
    .string()
    .regex(/^\d{1,18}$/, 'must be the id of a change')
    .optional(),
  schema: z.string().min(1, 'must not be empty').optional(),
};

/** The condition that a page puts on a change `c`, as SQL: none, or one. */
export function pageConditions(page: PageOptions, parameters: Parameters): readonly string[] {
  return page.cursor === undefined ? [] : [`c.id < ${parameters.add(page.cursor)}::pg_catalog.int8`];
}

/** The number of changes on a page, as SQL. */
export function limitOf(page: PageOptions, parameters: Parameters): string {
  return `${parameters.add(String(page.limit ?? DEFAULT_LIMIT))}::pg_catalog.int4`;
}

/** The id below which a page begins, as SQL: the cursor, or one above all. */
export function pageEnd(page: PageOptions, parameters: Parameters): string {
  return `${parameters.add(page.cursor ?? '9223372036854775807')}::pg_catalog.int8`;
}

type AuditTable = 'audit_changes' | 'audit_transactions' | 'audit_actions';
type ReadFunction =
  | 'find_table'
  | 'find_history'
  | 'plain_history'
  | 'change_entries'
  | 'row_hash'
  | 'json_of'
  | 'jsonb_or_null';

/** A table or function of Threadline's own, as SQL text. */
export function auditName(name: AuditTable | ReadFunction, schema?: string): string {
  return `${quoteIdentifier(schema ?? DEFAULT_SCHEMA)}.${name}`;
}

/**
 * A value as SQL of type jsonb, the way capture reads it out of a setting: where the encoding of the database lacks
 * some of its characters, they are the escapes under which they are recorded.
 */
export function jsonOf(value: unknown, parameters: Parameters, schema?: string): string {
  const text = asciiJson(value);
  const parameter = parameters.add(text);
  return text.includes('\\u')
    ? `${auditName('jsonb_or_null', schema)}(${parameter})`
    : `${parameter}::pg_catalog.jsonb`;
}

/** Words for an unknown option that name the known ones. */
export function unknownKeys(
  what: string,
  known: readonly string[],
): (issue: z.core.$ZodRawIssue) => string | undefined {
  return (issue) =>
    issue.code === 'unrecognized_keys'
      ? `unknown ${what} ${issue.keys.join(', ')}; the known ones are ${known.join(', ')}`
      : undefined;
}
