import { installTriggers, triggersSql } from '../sql/index.ts';
import type { Command } from './command.ts';
import { withDatabase } from './connect.ts';
import { OUT_FLAGS, writeOut } from './out-file.ts';
import { TABLES_FLAG, tablesOf } from './table-list.ts';

/** `threadline triggers` */
export const triggersCommand: Command = {
  name: 'triggers',
  about: 'audit tables: record every change of their rows from here on',
  positionals: '',
  flags: { ...TABLES_FLAG, ...OUT_FLAGS },
  async run(args) {
    const tables = tablesOf(args, triggersCommand);
    const options = { tables, schema: args.value('schema') };
    const file = args.value('out');
    if (file !== undefined) return writeOut(file, triggersSql(options), args);
    await withDatabase((db) => installTriggers(db, options));
    return `Audited: ${tables.join(', ')}.\n`;
  },
};
