import { z } from 'zod';
import type { JsonValue } from '../core/context.ts';
import { ThreadlineError } from '../core/errors.ts';
import type { Executor } from '../core/executor.ts';
import { parseTableName, quoteTableName, type TableName } from '../core/identifier.ts';
import { readEntries } from './entries.ts';
import { auditName } from './page.ts';
import { newParameters, type Parameters } from './parameters.ts';

/**
 * A table as text, the way it stands in SQL (`users`, `sales.orders`, `"Mixed Case"`), or by its
 * exact names, such as the `table` of a change.
 *
 * Without a schema it is the table that the search path finds, and where there is none (it was
 * dropped or renamed) the one recorded in `public`. A partition stands for its partitioned table.
 */
export type TableReference = string | TableName;

const nameSchema = z.string().refine((name) => !name.includes('\0'), 'must not hold a null character');

/** The zod schema of a {@link TableReference}. */
export const tableReferenceSchema: z.ZodType<TableReference> = z.union(
  [z.string(), z.strictObject({ schema: nameSchema.exactOptional(), name: nameSchema })],
  { error: 'must be a table name or { schema, name }' },
);

/** A column of a table's primary key. */
export interface KeyColumn {
  readonly name: string;
  /** The qualified and quoted name of its type, domains resolved. */
  readonly type: string;
  /** The declared length of a char(n), otherwise null. */
  readonly length: number | null;
}

/** A table by the names under which its changes are recorded. */
export interface ResolvedTable {
  readonly schema: string;
  readonly name: string;
  /** The primary key as it is today; empty for a table that has none, or that is gone. */
  readonly keyColumns: readonly KeyColumn[];
  /** The name, and before it those that the table had before it was renamed. */
  readonly names: readonly [RecordedName, ...RecordedName[]];
}

/** A name under which changes of a table are recorded, and between which ids; null for an open end. */
export interface RecordedName {
  readonly schema: string;
  readonly name: string;
  readonly afterId: string | null;
  readonly upToId: string | null;
}

/**
 * The condition that a change `alias`, found by other conditions, was recorded under a name, as SQL. No index serves it:
 * where the planner takes the changes of a table for few, as it does until the log is analyzed, it would read all of them.
 */
export function recordedUnder(recorded: RecordedName, alias: string, parameters: Parameters): string {
  const names = `${parameters.add(recorded.schema)}, ${parameters.add(recorded.name)}`;
  return [
    `(${alias}.table_schema, ${alias}.table_name) is not distinct from (${names})`,
    ...idBounds(recorded, alias, parameters),
  ].join(' and ');
}

/**
 * The conditions that a change `c` was recorded under a name and before the id `end`, SQL of type bigint, to be read in
 * the order of {@link NEWEST_OF_TABLE}.
 *
 * By bounds, where equality would say the same: told that the names are constant, the planner finds the order by id in
 * the primary key as well, and walks over the ten million rows of another table that were written last.
 */
export function tableRange(recorded: RecordedName, end: string, parameters: Parameters): readonly string[] {
  const names = `${parameters.add(recorded.name)}, ${parameters.add(recorded.schema)}`;
  return [
    `(c.table_name, c.table_schema) >= (${names})`,
    `(c.table_name, c.table_schema, c.id) < (${names}, ${end})`,
    ...idBounds(recorded, 'c', parameters),
  ];
}

/** The order that the index by table has, for changes `c` of one name. */
export const NEWEST_OF_TABLE = 'order by c.table_name desc, c.table_schema desc, c.id desc';
/** The same the other way round. */
export const OLDEST_OF_TABLE = 'order by c.table_name, c.table_schema, c.id';

/** The bounds on the ids of changes `alias` in which a name was the table's, as SQL: none, one or two. */
function idBounds({ afterId, upToId }: RecordedName, alias: string, parameters: Parameters): readonly string[] {
  const bound = (comparison: string, id: string | null) =>
    id === null ? [] : [`${alias}.id ${comparison} ${parameters.add(id)}::pg_catalog.int8`];
  return [...bound('>', afterId), ...bound('<=', upToId)];
}

/**
 * Finds the names under which the changes of a table are recorded.
 *
 * @throws ThreadlineError `TL_TABLE_NOT_FOUND` where there is no such table and nothing was recorded under its name
 */
export async function resolveTable(
  executor: Executor,
  reference: TableReference,
  schema: string | undefined,
): Promise<ResolvedTable> {
  const parameters = newParameters();
  const text = `
    select ${auditName('find_table', schema)}(${wantedNames(reference, parameters)})::pg_catalog.text as entry`;
  const [entry] = await readEntries(executor, { text, parameters, schema });
  return knownTable(entry);
}

/** The schema and the name that a reference means, as the first two arguments of a function, as SQL. */
export function wantedNames(reference: TableReference, parameters: Parameters): string {
  const wanted = typeof reference === 'string' ? parseTableName(reference) : reference;
  return `nullif(${parameters.add(wanted.schema ?? '')}, ''), ${parameters.add(wanted.name)}`;
}

/**
 * What find_table has returned, where that is a table.
 *
 * @throws ThreadlineError `TL_TABLE_NOT_FOUND`
 */
export function knownTable(entry: JsonValue | undefined): ResolvedTable {
  const table = entry as unknown as ResolvedTable & { readonly isKnown: boolean };
  if (table.isKnown) return table;
  throw new ThreadlineError(
    'TL_TABLE_NOT_FOUND',
    `There is no table ${quoteTableName(table)}, and nothing was recorded under that name; check the spelling and the schema`,
  );
}
