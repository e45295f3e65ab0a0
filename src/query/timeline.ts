import { type Database, toExecutor } from '../core/executor.ts';
import type { Change } from './change.ts';
import { parseFilters, type TimelineFilters } from './filters.ts';
import { newParameters } from './parameters.ts';
import { readChanges } from './read-changes.ts';
import { selectTimeline } from './select-timeline.ts';

/**
 * Reads the changes that pass all filters, newest first; with an actor or a correlation, transaction by transaction,
 * the one that began last first.
 *
 * At most `limit` come back (50 unless given, 1000 at most). The next page begins after the last
 * change of this one: pass its `id` as `cursor`. No page repeats a change of another.
 *
 * @throws ThreadlineError `TL_FILTER_INVALID` (it lists the known filters), `TL_ACTOR_…`, `TL_IDENTIFIER_INVALID`,
 * `TL_TABLE_NOT_FOUND`, `TL_NOT_INSTALLED` or `TL_DATABASE_UNSUPPORTED`
 * @example
 * const filters = { table: 'posts', op: 'delete', from: '2026-03-01' } as const;
 * const page = await timeline(pool, filters);
 * const older = await timeline(pool, { ...filters, cursor: page.at(-1)?.id });
 */
export async function timeline(db: Database, filters: TimelineFilters = {}): Promise<readonly Change[]> {
  const wanted = parseFilters(filters);
  const executor = toExecutor(db);
  const parameters = newParameters();
  const selection = await selectTimeline(executor, wanted, parameters);
  return readChanges(executor, { ids: `array(${selection})`, parameters, schema: wanted.schema });
}
