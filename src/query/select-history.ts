import { auditName, limitOf, type PageOptions, pageConditions, pageEnd } from './page.ts';
import type { Parameters } from './parameters.ts';
import type { AddKey } from './row-key.ts';
import { type ResolvedTable, recordedUnder } from './table-reference.ts';

/** What the history of a row is selected by. */
interface HistoryOfRow {
  readonly table: ResolvedTable;
  readonly addKey: AddKey;
  readonly page: PageOptions;
  readonly parameters: Parameters;
}

/** The parts, as SQL, that the statement about the history of one row is written with. */
interface HistoryParts {
  readonly changes: string;
  /** The key, as it is recorded. */
  readonly key: string;
  /** Whether a change is one of a row with a key. */
  hasKey(alias: string, wanted: string): string;
  /** Whether a change took a key away from a row. */
  hadKey(alias: string, wanted: string): string;
  isTruncate(alias: string): string;
  /** What the cursor demands of a change `c`, to stand behind other conditions. */
  readonly onPage: string;
  readonly limit: string;
  readonly newestFirst: string;
}

function partsOf({ table, addKey, page, parameters }: HistoryOfRow): HistoryParts {
  // Rows are indexed by hash: a key may be longer than an index entry. The hash is of the name at the time.
  const ofTable = (alias: string, key: string) =>
    anyOf(
      table.names.map((recorded) => {
        const hash = `${auditName('row_hash', page.schema)}(${parameters.add(recorded.schema)}, ${parameters.add(recorded.name)}, ${key})`;
        return `${alias}.row_hash = ${hash} and ${recordedUnder(recorded, alias, parameters)}`;
      }),
    );
  const limit = limitOf(page, parameters);
  return {
    changes: auditName('audit_changes', page.schema),
    key: addKey(parameters),
    hasKey: (alias, wanted) => `${ofTable(alias, wanted)} and ${alias}.table_pk = ${wanted}`,
    hadKey: (alias, wanted) =>
      `${anyOf(table.names.map((recorded) => recordedUnder(recorded, alias, parameters)))} and ${alias}.table_pk_before = ${wanted}`,
    isTruncate: (alias) => `${ofTable(alias, 'null')} and ${alias}.op = 'truncate'`,
    onPage: pageConditions(page, parameters)
      .map((condition) => `and ${condition}`)
      .join(''),
    limit,
    newestFirst: `order by c.id desc limit ${limit}`,
  };
}

const WANTED = '(select wanted.key from wanted)';

/** Whether a table kept its name, and nobody else had it before or has it since. */
export function hasOneName({ names: [{ afterId, upToId }, ...former] }: ResolvedTable): boolean {
  return former.length === 0 && afterId === null && upToId === null;
}

/**
 * Writes the ids of one page of the history of a row that most rows are, as SQL: one that never changed
 * its key, in a table with one name and without a TRUNCATE. Of any other row it returns none, in a
 * fraction of the time that PostgreSQL takes to plan {@link selectHistory}.
 */
export function selectPlainHistory({ table, addKey, page, parameters }: HistoryOfRow): string {
  const name = `${parameters.add(table.schema)}, ${parameters.add(table.name)}`;
  const bounds = `${pageEnd(page, parameters)}, ${limitOf(page, parameters)}`;
  return `${auditName('plain_history', page.schema)}(${name}, ${addKey(parameters)}, ${bounds})`;
}

/**
 * Writes the ids of one page of a row's history, as SQL.
 *
 * A row that was moved here by changes of its key is followed back, life by life: the time that it
 * spent under one former key, from the change that brought it there to the last one before it left.
 */
export function selectHistory(row: HistoryOfRow): string {
  const { changes, key, hasKey, hadKey, isTruncate, onPage, limit, newestFirst } = partsOf(row);
  return `array(
    with recursive wanted (key) as materialized (
      select ${key}
    ), own as materialized (
      select c.id from ${changes} c where ${hasKey('c', WANTED)} ${onPage} ${newestFirst}
    ), life (next_move, key, first_id, last_id) as (
      select c.id, null::pg_catalog.jsonb, null::pg_catalog.int8, null::pg_catalog.int8
      from ${changes} c
      where ${hasKey('c', WANTED)} and c.table_pk_before is not null
        -- What moved here before the last change of this page has its past on later pages.
        and c.id >= (select case when count(*) < ${limit} then 0 else min(own.id) end from own)
      union
      select case when first.is_move then first.id end, move.table_pk_before, coalesce(first.id, 0), last.id
      from life
      join ${changes} move on move.id = life.next_move
      cross join lateral (
        select c.id, c.op
        from ${changes} c
        where ${hasKey('c', 'move.table_pk_before')} and c.id < move.id and not ${isOfAnotherRow('c', 'move')}
        order by c.id desc limit 1
      ) last
      left join lateral (
        select c.id, c.table_pk_before is not null as is_move
        from ${changes} c
        where ${hasKey('c', 'move.table_pk_before')} and c.id <= last.id
          and (c.op in ('insert', 'baseline') or c.table_pk_before is not null)
        order by c.id desc limit 1
      ) first on true
      where last.op <> 'delete'
    )
    select found.id
    from (
      select own.id from own
      union
      (select c.id from ${changes} c where ${hadKey('c', WANTED)} ${onPage} ${newestFirst})
      union
      (select c.id
       from life
       cross join lateral (
         select c.id
         from ${changes} c
         where ${hasKey('c', 'life.key')} and c.id between life.first_id and life.last_id ${onPage} ${newestFirst}
       ) c)
      union
      (select c.id
       from ${changes} c
       where ${isTruncate('c')} ${onPage}
         and c.id > (select oldest.id from ${changes} oldest where ${hasKey('oldest', WANTED)} order by oldest.id limit 1)
         and (
           select latest.op <> 'delete' and ${ofPartition('c', 'latest')} and not exists (
             select from ${changes} moved
             where ${hadKey('moved', WANTED)} and moved.id > latest.id and moved.id < c.id
               and not ${isOfAnotherRow('latest', 'moved')}
           ) and not exists (
             select from ${changes} earlier
             where ${isTruncate('earlier')} and ${ofPartition('earlier', 'latest')}
               and earlier.id > latest.id and earlier.id < c.id
           )
           from ${changes} latest
           where ${hasKey('latest', WANTED)} and latest.id < c.id
           order by latest.id desc limit 1
         )
       ${newestFirst})
    ) found
    order by found.id desc
    limit ${limit})`;
}

/**
 * Whether a change and a later move away from its key are of two different rows.
 *
 * While a statement swaps keys, two rows have the same one: `set id = 3 - id` brings the second row
 * to its key before the first has left it. The image tells them apart: what a row was left like is
 * what its next change finds.
 */
function isOfAnotherRow(change: string, move: string): string {
  return `(${change}.transaction_id = ${move}.transaction_id and exists (
    select from pg_catalog.jsonb_each(${change}.data_after) image
    where (${move}.data_after || ${move}.changed_from) -> image.key <> image.value
  ))`;
}

/** Whether a TRUNCATE is one of the whole table, or of the partition that a row was in after a change of it. */
function ofPartition(truncate: string, change: string): string {
  return `(${truncate}.partition_name is null or ${truncate}.partition_name = ${change}.partition_name)`;
}

function anyOf(conditions: readonly string[]): string {
  return conditions.length === 1
    ? conditions.join()
    : `(${conditions.map((condition) => `(${condition})`).join(' or ')})`;
}
