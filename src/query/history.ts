import { z } from 'zod';
import { ThreadlineError } from '../core/errors.ts';
import { type Database, type Executor, toExecutor } from '../core/executor.ts';
import { parseAtEdge } from '../core/validation.ts';
import type { Change } from './change.ts';
import { readEntries, sqlStateOf } from './entries.ts';
import { auditName, limitOf, type PageOptions, pageEnd, pageShape, unknownKeys } from './page.ts';
import { newParameters } from './parameters.ts';
import { readChanges } from './read-changes.ts';
import { isScalar, type RowKey, resolveKey, rowKeySchema, textOf } from './row-key.ts';
import { hasOneName, selectHistory, selectPlainHistory } from './select-history.ts';
import {
  knownTable,
  type ResolvedTable,
  resolveTable,
  type TableReference,
  tableReferenceSchema,
  wantedNames,
} from './table-reference.ts';

/** Which row to read the history of, and how much of it. */
export interface HistoryOptions extends PageOptions {
  readonly table: TableReference;
  /** The value of the only key column, or `{ column: value }` for every column of the key. */
  readonly pk: RowKey;
}

const historyShape = { table: tableReferenceSchema, pk: rowKeySchema, ...pageShape } as const;

const historySchema: z.ZodType<HistoryOptions> = z.strictObject(historyShape, {
  error: unknownKeys('option', Object.keys(historyShape)),
});

/**
 * Reads what happened to one row, newest first, in pages like those of `timeline`.
 *
 * That is everything recorded under the key: also of earlier rows that had it and were deleted or
 * moved away, and each TRUNCATE that removed such a row. Where an update moved a row to this key,
 * what happened to that row under its former key comes along, and so on back to its insert; what
 * other rows did under that former key, before or after, does not.
 *
 * Keys are compared by the type of their column: 42, 42n and '42' find the same integer.
 *
 * @throws ThreadlineError `TL_FILTER_INVALID`, `TL_IDENTIFIER_INVALID`, `TL_TABLE_NOT_FOUND`, `TL_KEY_MISMATCH`,
 * `TL_KEY_INVALID`, `TL_NOT_INSTALLED` or `TL_DATABASE_UNSUPPORTED`
 * @example
 * const [latest] = await history(pool, { table: 'posts', pk: 42 });
 * console.log(latest?.transaction.actor, latest?.before, latest?.after);
 */
export async function history(db: Database, options: HistoryOptions): Promise<readonly Change[]> {
  const wanted = parseAtEdge(historySchema, options, 'TL_FILTER_INVALID', 'Invalid options');
  const executor = toExecutor(db);
  try {
    const { table, changes } = await findHistory(executor, wanted);
    return changes.length > 0 ? changes : await readHistory(executor, table, wanted);
  } catch (cause) {
    throw isDataException(cause) ? keyInvalid(cause) : cause;
  }
}

/** Finds the table, and in the same round trip the history of a row that most rows are. */
async function findHistory(
  executor: Executor,
  { table, pk, ...page }: HistoryOptions,
): Promise<{ readonly table: ResolvedTable; readonly changes: readonly Change[] }> {
  const { schema } = page;
  if (!isScalar(pk)) return { table: await resolveTable(executor, table, schema), changes: [] };
  const parameters = newParameters();
  const row = `${wantedNames(table, parameters)}, ${parameters.add(textOf(pk))}`;
  const bounds = `${pageEnd(page, parameters)}, ${limitOf(page, parameters)}`;
  const text = `
    select entry::pg_catalog.text from ${auditName('find_history', schema)}(${row}, ${bounds}) entry`;
  const [found, ...changes] = await readEntries(executor, { text, parameters, schema });
  return { table: knownTable(found), changes: changes as readonly unknown[] as readonly Change[] };
}

async function readHistory(
  executor: Executor,
  table: ResolvedTable,
  wanted: HistoryOptions,
): Promise<readonly Change[]> {
  const addKey = await resolveKey(executor, table, wanted);
  const read = (select: typeof selectHistory) => {
    const parameters = newParameters();
    const ids = select({ table, addKey, page: wanted, parameters });
    return readChanges(executor, { ids, parameters, schema: wanted.schema });
  };
  const plain = hasOneName(table) ? await read(selectPlainHistory) : [];
  return plain.length > 0 ? plain : await read(selectHistory);
}

// Class 22: the key is the only value that these statements convert.
function isDataException(error: unknown): boolean {
  return sqlStateOf(error)?.startsWith('22') ?? false;
}

function keyInvalid(cause: unknown): ThreadlineError {
  return new ThreadlineError('TL_KEY_INVALID', 'pk is no value of the type of its key column', { cause });
}
