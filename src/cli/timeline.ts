import { type ActorRef, parseActor } from '../core/actor.ts';
import { type ChangeOp, timeline } from '../query/index.ts';
import { TIMELINE_COLUMNS } from './change-columns.ts';
import type { Command } from './command.ts';
import { withDatabase } from './connect.ts';
import { PAGE_FLAGS, pageOf } from './page-flags.ts';
import { printChanges } from './print-changes.ts';

/** `threadline timeline` */
export const timelineCommand: Command = {
  name: 'timeline',
  about: 'show what changed, newest first',
  positionals: '',
  flags: {
    table: { value: 'TABLE', about: 'only this table' },
    actor: { value: 'TYPE:ID', about: 'only by this actor: user:42, anonymous; none for changes without an actor' },
    from: { value: 'TIME', about: 'not earlier than this: 2026-03-01 or 2026-03-01T12:00:00Z' },
    to: { value: 'TIME', about: 'earlier than this' },
    'correlation-id': { value: 'ID', about: 'only work under this correlation id' },
    op: { value: 'LIST', about: 'only these operations: insert,update,delete,truncate,baseline' },
    ...PAGE_FLAGS,
  },
  async run(args) {
    const page = pageOf(args, timelineCommand);
    const filters = {
      ...page,
      table: args.value('table'),
      actor: actorOf(args.value('actor')),
      from: args.value('from'),
      to: args.value('to'),
      correlationId: args.value('correlation-id'),
      // The names are checked where the filters are.
      op: args.value('op')?.split(',') as ChangeOp[] | undefined,
    };
    const changes = await withDatabase((db) => timeline(db, filters));
    return printChanges(changes, { asJson: args.has('json'), columns: TIMELINE_COLUMNS, limit: page.limit });
  },
};

function actorOf(text: string | undefined): ActorRef | null | undefined {
  if (text === undefined) return undefined;
  if (text === 'none') return null;
  const colon = text.indexOf(':');
  return parseActor(colon === -1 ? { type: text } : { type: text.slice(0, colon), id: text.slice(colon + 1) });
}
