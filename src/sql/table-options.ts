import { z } from 'zod';
import { parseAtEdge } from '../core/validation.ts';
import { type SchemaOptions, schemaOptionSchema } from './options.ts';

/** Whether a write without an actor is let through, the default, or fails. */
export const MISSING_ACTOR_POLICIES = ['allow', 'reject'] as const;
/** What a TRUNCATE leaves in the log: a mark that it happened, the default; the rows that it removed as well; or it fails. */
export const TRUNCATE_POLICIES = ['mark', 'rows', 'reject'] as const;
/** Whether an update that changes nothing is left out, the default, or recorded. */
export const NOOP_POLICIES = ['skip', 'record'] as const;
/** What an update stores of the new row: all of it, the default, or what changed. */
export const IMAGES = ['full', 'changed'] as const;

/** How the rows of a table are captured. Columns are named exactly, without quotes, each in one list at most. */
export interface CaptureOptions {
  /** Columns that are never stored anywhere. An update of nothing else is not recorded. No column of the key. */
  readonly exclude?: readonly string[] | undefined;
  /**
   * Columns stored as a placeholder: `[REDACTED]`, or per column the text given in an object. An
   * update still tells that they changed. No column of the key.
   */
  readonly mask?: readonly string[] | Readonly<Record<string, string>> | undefined;
  /** Columns whose change alone is not worth recording, such as `updated_at`. */
  readonly ignore?: readonly string[] | undefined;
  /** What becomes of a write without an actor; `allow` by default. With `reject` it fails with SQLSTATE TL008. */
  readonly onMissingActor?: (typeof MISSING_ACTOR_POLICIES)[number] | undefined;
  /** What becomes of a TRUNCATE; `mark` by default. With `reject` it fails with SQLSTATE TL009. */
  readonly truncate?: (typeof TRUNCATE_POLICIES)[number] | undefined;
  /** What becomes of an update that changes nothing; `skip` by default. */
  readonly noop?: (typeof NOOP_POLICIES)[number] | undefined;
  /** What an update stores of the new row; `full` by default. `changed` halves the log of wide tables. */
  readonly images?: (typeof IMAGES)[number] | undefined;
}

/** A table with its options, in full: what is left out is back at its default. */
export interface TableWithOptions extends CaptureOptions {
  /** The table, named as in SQL. */
  readonly table: string;
}

/** Which tables {@link installTriggers} audits, and how. */
export interface TriggerOptions extends SchemaOptions {
  /**
   * Tables, named as in SQL: `users`, `sales.orders`, `"Mixed Case"."name"`. One that is named alone keeps
   * the options that it has, or begins with the defaults; `{ table, ...options }` gives it others.
   * Options belong to one table: no two share them.
   */
  readonly tables: readonly (string | TableWithOptions)[];
  /**
   * Whether to record the rows that are there already as well, as the operation `baseline`, so that the log
   * tells each table from then on in full; false by default.
   */
  readonly baseline?: boolean | undefined;
}

/** Which tables {@link uninstallTriggers} stops auditing. */
export interface TableListOptions extends SchemaOptions {
  /** Tables, named as in SQL. */
  readonly tables: readonly string[];
}

const columnsSchema = z.array(z.string().min(1), 'must be a list of column names').optional();

const tableWithOptionsSchema = z.strictObject({
  table: z.string(),
  exclude: columnsSchema,
  mask: z
    .union([z.array(z.string().min(1)), z.record(z.string().min(1), z.string())], {
      error: 'must be a list of column names, or an object of column names with placeholders',
    })
    .optional(),
  ignore: columnsSchema,
  onMissingActor: choice(MISSING_ACTOR_POLICIES),
  truncate: choice(TRUNCATE_POLICIES),
  noop: choice(NOOP_POLICIES),
  images: choice(IMAGES),
});

const triggerOptionsSchema = z.strictObject({
  schema: schemaOptionSchema,
  tables: z.array(z.unknown(), 'must be a list of tables').min(1, 'must name at least one table'),
  baseline: z.boolean('must be true or false').optional(),
});

const tableListOptionsSchema = z.strictObject({
  schema: schemaOptionSchema,
  tables: z.array(z.string(), 'must be a list of table names').min(1, 'must name at least one table'),
});

function choice<const T extends readonly [string, ...string[]]>(
  words: T,
): z.ZodOptional<z.ZodEnum<{ [K in T[number]]: K }>> {
  return z.enum(words, { error: `must be one of ${words.join(', ')}` }).optional();
}

/** Options as they were checked: the schema is there. */
export type Parsed<T> = Omit<T, 'schema'> & { readonly schema: string };

export function parseTriggerOptions(options: TriggerOptions): Parsed<TriggerOptions> {
  const { tables, ...rest } = parseAtEdge(
    triggerOptionsSchema,
    options,
    'TL_INSTALL_OPTIONS_INVALID',
    'Invalid options',
  );
  return { ...rest, tables: tables.map(parseTable) };
}

function parseTable(table: unknown, position: number): string | TableWithOptions {
  if (typeof table === 'string') return table;
  return parseAtEdge(
    tableWithOptionsSchema,
    table,
    'TL_INSTALL_OPTIONS_INVALID',
    `Invalid options: tables.${position} must be a name or { table, ...options }`,
  );
}

export function parseTableListOptions(options: TableListOptions): Parsed<TableListOptions> {
  return parseAtEdge(tableListOptionsSchema, options, 'TL_INSTALL_OPTIONS_INVALID', 'Invalid options');
}
