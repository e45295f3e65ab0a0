import { install, installSql } from '../sql/index.ts';
import type { Arguments, Command, Flag } from './command.ts';
import { withDatabase } from './connect.ts';
import { OUT_FLAGS, writeOut } from './out-file.ts';
import { listOf } from './table-list.ts';

const ROLE_FLAGS: Readonly<Record<string, Flag>> = {
  readers: { value: 'LIST', about: 'roles that get the right to read the log, with commas between' },
  writers: { value: 'LIST', about: 'roles that get the right to record actions, with commas between' },
};

/** `threadline install` */
export const installCommand: Command = {
  name: 'install',
  about: 'install Threadline into the database, or bring it up to date',
  positionals: '',
  flags: { ...ROLE_FLAGS, ...OUT_FLAGS },
  async run(args) {
    const options = {
      schema: args.value('schema'),
      readers: rolesOf(args, 'readers'),
      writers: rolesOf(args, 'writers'),
    };
    const file = args.value('out');
    if (file !== undefined) return writeOut(file, installSql(options), args);
    const { schema, version, notices } = await withDatabase((db) => install(db, options));
    const notes = notices.map(({ message, remedy }) => `Note: ${message}. ${remedy}.\n`);
    return `Threadline is installed in the schema ${schema}, version ${version}.\n${notes.join('')}`;
  },
};

/** Role names as they are, and without the double quotes that SQL would have around some. */
function rolesOf(args: Arguments, flag: string): readonly string[] | undefined {
  return listOf(args, flag, installCommand)?.map((name) =>
    /^".+"$/.test(name) ? name.slice(1, -1).replaceAll('""', '"') : name,
  );
}
