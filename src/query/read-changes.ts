import type { Executor } from '../core/executor.ts';
import type { Change } from './change.ts';
import { readEntries } from './entries.ts';
import { auditName } from './page.ts';
import type { Parameters } from './parameters.ts';

/** Reads the changes whose ids `ids`, SQL of type bigint[], returns, in its order. */
export async function readChanges(
  executor: Executor,
  page: { readonly ids: string; readonly parameters: Parameters; readonly schema?: string | undefined },
): Promise<readonly Change[]> {
  const text = `
    select change::pg_catalog.text as entry
    from ${auditName('change_entries', page.schema)}(${page.ids}) change`;
  const entries = await readEntries(executor, { text, parameters: page.parameters, schema: page.schema });
  return entries as readonly unknown[] as readonly Change[];
}
