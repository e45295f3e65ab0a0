import { z } from 'zod';
import { ThreadlineError } from '../core/errors.ts';
import type { Executor } from '../core/executor.ts';
import { DEFAULT_SCHEMA, parseTableName, quoteIdentifier, quoteTableName, type TableName } from '../core/identifier.ts';
import { readEntries } from './entries.ts';
import { auditTable } from './page.ts';
import { newParameters, type Parameters } from './parameters.ts';

/**
 * A table as text, the way it stands in SQL (`users`, `sales.orders`, `"Mixed Case"`), or by its
 * exact names, such as the `table` of a change.
 *
 * Without a schema it is the table that the search path finds, and where there is none (it was
 * dropped or renamed) the one recorded in `public`. A partition stands for its partitioned table.
 */
export type TableReference = string | TableName;

/** The zod schema of a {@link TableReference}. */
export const tableReferenceSchema: z.ZodType<TableReference> = z.union(
  [z.string(), z.strictObject({ schema: z.string().exactOptional(), name: z.string() })],
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

/** The condition that a change `alias` was recorded under a name, as SQL. */
export function recordedUnder(recorded: RecordedName, alias: string, parameters: Parameters): string {
  return [
    `${alias}.table_name = ${parameters.add(recorded.name)}`,
    `${alias}.table_schema = ${parameters.add(recorded.schema)}`,
    ...idBounds(recorded, alias, parameters),
  ].join(' and ');
}

/** The bounds on the ids of changes `alias` in which a name was the table's, as SQL: none, one or two. */
export function idBounds({ afterId, upToId }: RecordedName, alias: string, parameters: Parameters): readonly string[] {
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
  const wanted = typeof reference === 'string' ? parseTableName(reference) : reference;
  const parameters = newParameters();
  const name = parameters.add(wanted.name);
  const namespace = parameters.add(wanted.schema ?? 'public');
  const orVisible = wanted.schema === undefined ? ' or pg_catalog.pg_table_is_visible(r.oid)' : '';
  const changes = auditTable('audit_changes', schema);
  const text = `
    with found as (
      select coalesce(pg_catalog.pg_partition_root(r.oid), r.oid) as oid
      from pg_catalog.pg_class r
      join pg_catalog.pg_namespace n on n.oid = r.relnamespace
      where r.relname = ${name} and r.relkind in ('r', 'p') and r.relpersistence <> 't'
        and (n.nspname = ${namespace}${orVisible})
      order by n.nspname = ${namespace}
      limit 1
    ), resolved as (
      select coalesce(n.nspname, ${namespace}) as schema, coalesce(r.relname, ${name}) as name, r.oid
      from (select) one
      left join found on true
      left join pg_catalog.pg_class r on r.oid = found.oid
      left join pg_catalog.pg_namespace n on n.oid = r.relnamespace
    )
    select pg_catalog.json_build_object(
      'schema', r.schema,
      'name', r.name,
      'exists', r.oid is not null,
      'keyColumns', coalesce((${KEY_COLUMNS_SQL}), '[]'),
      'recorded', exists (select from ${changes} c where c.table_name = r.name and c.table_schema = r.schema),
      'names', (
        select pg_catalog.json_agg(pg_catalog.json_build_object(
          'schema', own.table_schema,
          'name', own.table_name,
          'afterId', nullif(own.after_id, 0)::pg_catalog.text,
          'upToId', nullif(own.up_to_id, 9223372036854775807)::pg_catalog.text
        ) order by own.up_to_id desc)
        from ${quoteIdentifier(schema ?? DEFAULT_SCHEMA)}.recorded_names(r.schema, r.name) own
      )
    )::pg_catalog.text as entry
    from resolved r`;
  const [entry] = await readEntries(executor, { text, parameters, schema });
  const table = entry as unknown as ResolvedTable & { readonly exists: boolean; readonly recorded: boolean };
  if (table.exists || table.recorded) return table;
  throw new ThreadlineError(
    'TL_TABLE_NOT_FOUND',
    `There is no table ${quoteTableName(table)}, and nothing was recorded under that name; check the spelling and the schema`,
  );
}

// The primary key of the table r, each column with its type; for a domain, the type underneath.
const KEY_COLUMNS_SQL = `
  select pg_catalog.json_agg(pg_catalog.json_build_object(
    'name', a.attname,
    'type', pg_catalog.format('%I.%I', n.nspname, base.typname),
    'length', case when base.oid = 'pg_catalog.bpchar'::pg_catalog.regtype and base.modifier > 4 then base.modifier - 4 end
  ) order by k.position)
  from pg_catalog.pg_index i
  cross join lateral pg_catalog.unnest(i.indkey) with ordinality k(attnum, position)
  join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
  cross join lateral (
    with recursive type as (
      select y.oid, y.typname, y.typnamespace, y.typbasetype, y.typtypmod, a.atttypmod as modifier
      from pg_catalog.pg_type y where y.oid = a.atttypid
      union all
      select y.oid, y.typname, y.typnamespace, y.typbasetype, y.typtypmod, type.typtypmod
      from type join pg_catalog.pg_type y on y.oid = type.typbasetype
    )
    select * from type where type.typbasetype = 0
  ) base
  join pg_catalog.pg_namespace n on n.oid = base.typnamespace
  where i.indrelid = r.oid and i.indisprimary and k.position <= i.indnkeyatts`;
