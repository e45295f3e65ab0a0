import { type ActorRef, parseActor } from '../core/actor.ts';
import type { Database } from '../core/executor.ts';
import type { Change } from './change.ts';
import type { TimelineFilters } from './filters.ts';
import { timeline } from './timeline.ts';

/** What narrows the changes of an actor: the filters of `timeline`, but for the actor. */
export type ActorHistoryOptions = Omit<TimelineFilters, 'actor'>;

/**
 * Reads what one actor changed, newest first, in any table. Bounds and pages are those of `timeline`.
 *
 * @throws ThreadlineError `TL_ACTOR_…`, and what `timeline` throws
 * @example const changes = await actorHistory(pool, actor.user('42'), { from: '2026-03-01', table: 'posts' });
 */
export async function actorHistory(
  db: Database,
  actor: ActorRef,
  options: ActorHistoryOptions = {},
): Promise<readonly Change[]> {
  return timeline(db, { ...options, actor: parseActor(actor) });
}
