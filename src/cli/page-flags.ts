import { DEFAULT_LIMIT, MAX_LIMIT, type PageOptions } from '../query/page.ts';
import { type Arguments, type Command, type Flag, usageError } from './command.ts';

/** The flags of commands that print changes. */
export const PAGE_FLAGS: Readonly<Record<string, Flag>> = {
  limit: { value: 'N', about: `how many changes at most: 1 to ${MAX_LIMIT}, ${DEFAULT_LIMIT} by default` },
  cursor: { value: 'ID', about: 'only changes older than this one' },
  json: { about: 'print JSON, with everything that is known' },
};

/** The page that the flags ask for. */
export function pageOf(args: Arguments, command: Command): PageOptions & { readonly limit: number } {
  const limit = args.value('limit') ?? String(DEFAULT_LIMIT);
  if (!/^\d+$/.test(limit)) throw usageError('--limit must be a whole number', command);
  return { limit: Number(limit), cursor: args.value('cursor'), schema: args.value('schema') };
}
