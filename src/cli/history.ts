import { history, type RowKey } from '../query/index.ts';
import { HISTORY_COLUMNS } from './change-columns.ts';
import { type Command, usageError } from './command.ts';
import { withDatabase } from './connect.ts';
import { PAGE_FLAGS, pageOf } from './page-flags.ts';
import { printChanges } from './print-changes.ts';

/** `threadline history` */
export const historyCommand: Command = {
  name: 'history',
  about: 'show what happened to one row, newest first',
  positionals: 'TABLE PK',
  flags: PAGE_FLAGS,
  notes: `A key of several columns: threadline history members tenant=acme id=7
A key that begins with a dash: threadline history members -- -7`,
  async run(args) {
    const [table, ...keys] = args.positionals;
    if (table === undefined || keys.length === 0)
      throw usageError('A table and the key of a row are needed: threadline history users 42', historyCommand);
    const page = pageOf(args, historyCommand);
    const changes = await withDatabase((db) => history(db, { ...page, table, pk: keyOf(keys) }));
    return printChanges(changes, { asJson: args.has('json'), columns: HISTORY_COLUMNS, limit: page.limit });
  },
};

function keyOf(keys: readonly string[]): RowKey {
  const [only, ...more] = keys;
  if (only !== undefined && more.length === 0) return only;
  const pairs = keys.map((key) => /^([^=]+)=(.*)$/s.exec(key));
  if (pairs.includes(null))
    throw usageError('A key of several columns is written column=value for each of them', historyCommand);
  return Object.fromEntries(pairs.map((pair) => [pair?.[1] ?? '', pair?.[2] ?? '']));
}
