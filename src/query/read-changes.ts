import type { Executor } from '../core/executor.ts';
import { DEFAULT_SCHEMA, quoteIdentifier } from '../core/identifier.ts';
import type { Change } from './change.ts';
import { readEntries } from './entries.ts';
import type { Parameters } from './parameters.ts';

/** Reads the changes whose ids `ids`, SQL of type bigint[], returns, in its order. */
export async function readChanges(
  executor: Executor,
  page: { readonly ids: string; readonly parameters: Parameters; readonly schema?: string | undefined },
): Promise<readonly Change[]> {
  const text = `
    select change::pg_catalog.text as entry
    from ${quoteIdentifier(page.schema ?? DEFAULT_SCHEMA)}.change_entries(${page.ids}) change`;
  const entries = await readEntries(executor, { text, parameters: page.parameters, schema: page.schema });
  return entries as readonly unknown[] as readonly Change[];
}
