import { uninstallTriggers, uninstallTriggersSql } from '../sql/index.ts';
import type { Command } from './command.ts';
import { withDatabase } from './connect.ts';
import { OUT_FLAGS, writeOut } from './out-file.ts';
import { TABLES_FLAG, tablesOf } from './table-list.ts';

/** `threadline uninstall-triggers` */
export const uninstallTriggersCommand: Command = {
  name: 'uninstall-triggers',
  about: 'stop auditing tables; what was recorded stays',
  positionals: '',
  flags: { ...TABLES_FLAG, ...OUT_FLAGS },
  async run(args) {
    const tables = tablesOf(args, uninstallTriggersCommand);
    const options = { tables, schema: args.value('schema') };
    const file = args.value('out');
    if (file !== undefined) return writeOut(file, uninstallTriggersSql(options), args);
    await withDatabase((db) => uninstallTriggers(db, options));
    return `No longer audited: ${tables.join(', ')}.\n`;
  },
};
