import { z } from 'zod';
import type { JsonValue } from '../core/context.ts';
import { ThreadlineError } from '../core/errors.ts';
import type { Executor } from '../core/executor.ts';
import { quoteTableName } from '../core/identifier.ts';
import { dateSchema, isDate } from '../core/validation.ts';
import { readEntries } from './entries.ts';
import { auditName, pageEnd } from './page.ts';
import { newParameters, type Parameters } from './parameters.ts';
import { type KeyColumn, NEWEST_OF_TABLE, OLDEST_OF_TABLE, type ResolvedTable, tableRange } from './table-reference.ts';

/**
 * The value of one key column, as text in any way that PostgreSQL reads, or as it is recorded. A Date stands for its UTC
 * time; what is finer than milliseconds is a string. A jsonb column has the JSON value, not its text.
 */
export type KeyValue = string | number | bigint | boolean | Date;

/** The key of a row: the value of its only key column, or `{ column: value }`, as in the `pk` of a change. */
export type RowKey = KeyValue | { readonly [column: string]: KeyValue | JsonValue };

const keyValueSchema: z.ZodType<KeyValue> = z.union([z.string(), z.number(), z.bigint(), z.boolean(), dateSchema]);

/** The zod schema of a {@link RowKey}. */
export const rowKeySchema: z.ZodType<RowKey> = z.union(
  [keyValueSchema, z.record(z.string(), z.union([keyValueSchema, z.array(z.json()), z.record(z.string(), z.json())]))],
  { error: 'must be a string, number, bigint, boolean or Date, or { column: value } with every column of the key' },
);

/** Adds a key to the parameters of a statement and returns its SQL, of type jsonb: equal to what is recorded. */
export type AddKey = (parameters: Parameters) => string;

/** The SQL of a value as JSON, given its text as SQL. */
type ToJson = (text: string) => string;

/**
 * Finds out how a key is recorded. The types of the key columns decide: 42 and '42' are the same
 * integer, and a uuid or a timestamp may be written in every way that PostgreSQL reads. Where the
 * table is gone, or the given columns are not its key any more, a recorded key decides: the newest or the oldest.
 *
 * @throws ThreadlineError `TL_KEY_MISMATCH` where the given columns are neither
 */
export async function resolveKey(
  executor: Executor,
  table: ResolvedTable,
  row: { readonly pk: RowKey; readonly schema?: string | undefined },
): Promise<AddKey> {
  const current = new Map(table.keyColumns.map((column) => [column.name, jsonOfType(column, row.schema)]));
  if (names(row.pk, current)) return keyOf(row.pk, current);
  const newest = await readRecordedKey(executor, table, { end: 'newest', schema: row.schema });
  if (names(row.pk, newest)) return keyOf(row.pk, newest);
  const oldest = await readRecordedKey(executor, table, { end: 'oldest', schema: row.schema });
  if (names(row.pk, oldest)) return keyOf(row.pk, oldest);
  throw keyMismatch(table, [...(current.size > 0 ? current : newest).keys()]);
}

type Columns = ReadonlyMap<string, ToJson>;

/** Whether the key gives a value for each of the columns and for no other. */
function names(pk: RowKey, columns: Columns): boolean {
  if (isScalar(pk)) return columns.size === 1;
  const given = Object.keys(pk);
  return given.length > 0 && given.length === columns.size && given.every((name) => columns.has(name));
}

function keyOf(pk: RowKey, columns: Columns): AddKey {
  return (parameters) => {
    const members = [...columns].map(([name, toJson]) => {
      const value = isScalar(pk) ? pk : pk[name];
      const json =
        isScalar(value) && toJson !== asJson
          ? toJson(parameters.add(textOf(value)))
          : asJson(parameters.add(jsonTextOf(value)));
      return `${parameters.add(name)}, ${json}`;
    });
    return `pg_catalog.jsonb_build_object(${members.join(', ')})`;
  };
}

/** Whether a key is the value of its only column. */
export function isScalar(value: unknown): value is KeyValue {
  return typeof value !== 'object' || isDate(value);
}

/** A value as PostgreSQL reads it. */
export function textOf(value: KeyValue): string {
  return isDate(value) ? value.toISOString() : String(value);
}

function jsonTextOf(value: unknown): string {
  return typeof value === 'bigint' ? String(value) : JSON.stringify(value);
}

const asText: ToJson = (text) => `pg_catalog.to_jsonb(${text})`;
const asNumber: ToJson = (text) => `pg_catalog.to_jsonb(${text}::pg_catalog.numeric)`;
const asBoolean: ToJson = (text) => `pg_catalog.to_jsonb(${text}::pg_catalog.bool)`;
const asJson: ToJson = (text) => `${text}::pg_catalog.jsonb`;

// Not float4 and float8: many texts are the same one, of which one was recorded.
const JSON_OF_TYPE: ReadonlyMap<string, ToJson> = new Map([
  ['text', asText],
  ...['int2', 'int4', 'int8'].map((type) => [type, asNumber] as const),
  ['bool', asBoolean],
  ['jsonb', asJson],
]);

function jsonOfType({ type, length }: KeyColumn, schema: string | undefined): ToJson {
  if (length !== null)
    return (text) => asText(`pg_catalog.rpad(${text}, greatest(pg_catalog.length(${text}), ${length}))`);
  const known = type.startsWith('pg_catalog.') ? JSON_OF_TYPE.get(type.slice('pg_catalog.'.length)) : undefined;
  // The text is read as the session reads it; what it stands for was recorded under settings of its own.
  return known ?? ((text) => `${auditName('json_of', schema)}(${text}::${type})`);
}

const JSON_OF_KIND: ReadonlyMap<unknown, ToJson> = new Map([
  ['number', asNumber],
  ['boolean', asBoolean],
]);

interface RecordedKey {
  readonly end: 'newest' | 'oldest';
  readonly schema: string | undefined;
}

/** The columns of the newest or the oldest key that was recorded, by the kinds of their JSON values. */
async function readRecordedKey(
  executor: Executor,
  table: ResolvedTable,
  { end, schema }: RecordedKey,
): Promise<Columns> {
  const parameters = newParameters();
  const recorded = table.names.at(end === 'newest' ? 0 : -1);
  const text = `
    select (
      select pg_catalog.json_object_agg(m.key, pg_catalog.jsonb_typeof(m.value)) from pg_catalog.jsonb_each(found.table_pk) m
    )::pg_catalog.text as entry
    from (
      select c.table_pk
      from ${auditName('audit_changes', schema)} c
      where ${tableRange(recorded ?? table.names[0], pageEnd({}, parameters), parameters).join(' and ')}
      ${end === 'newest' ? NEWEST_OF_TABLE : OLDEST_OF_TABLE}
      limit 1000
    ) found
    where found.table_pk is not null
    limit 1`;
  const [kinds] = await readEntries(executor, { text, parameters, schema });
  return new Map(Object.entries(Object(kinds ?? {})).map(([name, kind]) => [name, JSON_OF_KIND.get(kind) ?? asText]));
}

function keyMismatch(table: ResolvedTable, columns: readonly string[]): ThreadlineError {
  const name = quoteTableName(table);
  return new ThreadlineError(
    'TL_KEY_MISMATCH',
    columns.length === 0
      ? `${name} has no primary key, so that its rows cannot be told apart; use timeline(db, { table })`
      : `The key of ${name} is ${columns.join(', ')}; pk must have a value for each of them and for nothing else`,
  );
}
