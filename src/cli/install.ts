import { install, installSql } from '../sql/index.ts';
import type { Command } from './command.ts';
import { withDatabase } from './connect.ts';
import { OUT_FLAGS, writeOut } from './out-file.ts';

/** `threadline install` */
export const installCommand: Command = {
  name: 'install',
  about: 'install Threadline into the database, or bring it up to date',
  positionals: '',
  flags: OUT_FLAGS,
  async run(args) {
    const options = { schema: args.value('schema') };
    const file = args.value('out');
    if (file !== undefined) return writeOut(file, installSql(options), args);
    const { schema, version } = await withDatabase((db) => install(db, options));
    return `Threadline is installed in the schema ${schema}, version ${version}.\n`;
  },
};
