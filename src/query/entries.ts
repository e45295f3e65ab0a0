import type { JsonValue } from '../core/context.ts';
import { ThreadlineError } from '../core/errors.ts';
import type { Executor } from '../core/executor.ts';
import { DEFAULT_SCHEMA, quoteIdentifier } from '../core/identifier.ts';
import { parseLosslessJson } from '../core/lossless-json.ts';
import type { Parameters } from './parameters.ts';

/**
 * Runs a statement of one text column that holds JSON, and returns the parsed entries.
 *
 * One text column and nothing else: drivers let their users parse types, rename columns and rewrite
 * results, and none of that may change what is read here.
 */
export async function readEntries(
  executor: Executor,
  statement: { readonly text: string; readonly parameters: Parameters; readonly schema?: string | undefined },
): Promise<readonly JsonValue[]> {
  const rows = await executor.query(statement.text, statement.parameters.values).catch((cause: unknown) => {
    throw isMissingTable(cause) ? notInstalled(statement.schema, cause) : cause;
  });
  // The only column, whatever the driver was told to call it.
  return rows.map((row) => parseLosslessJson(String(Object.values(row)[0])));
}

// Undefined table, schema or function: these statements name no others than Threadline's own.
const MISSING = new Set(['42P01', '3F000', '42883']);

function isMissingTable(error: unknown): boolean {
  return MISSING.has(sqlStateOf(error) ?? '');
}

/** The SQLSTATE of an error that came from the server, by any driver. */
export function sqlStateOf(error: unknown): string | undefined {
  const code: unknown = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

function notInstalled(schema: string | undefined, cause: unknown): ThreadlineError {
  return new ThreadlineError(
    'TL_NOT_INSTALLED',
    `This database has no (current) Threadline in the schema ${quoteIdentifier(schema ?? DEFAULT_SCHEMA)}; run install(db) or npx threadline install`,
    { cause },
  );
}
