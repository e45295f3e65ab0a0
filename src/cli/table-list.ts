import { type Arguments, type Command, type Flag, usageError } from './command.ts';

/** The flag that names the tables to audit. */
export const TABLES_FLAG: { readonly tables: Flag } = {
  tables: { value: 'LIST', about: `tables with commas between: users,sales.orders,'"Mixed Case"'` },
};

/** The tables of --tables. */
export function tablesOf(args: Arguments, command: Command): readonly string[] {
  const isMissing = (args.value('tables') ?? '').trim() === '';
  const tables = isMissing ? undefined : listOf(args, 'tables', command);
  if (tables === undefined) throw usageError('--tables is missing: --tables users,posts', command);
  return tables;
}

/** The names that a flag lists with commas between, or undefined where it was not given. */
export function listOf(args: Arguments, flag: string, command: Command): readonly string[] | undefined {
  const list = args.value(flag);
  if (list === undefined) return undefined;
  // A variable of a script that is not set must not pass for a flag that was not given.
  if (list.trim() === '') throw usageError(`--${flag} is empty`, command);
  const names = splitList(list);
  if (names.includes('')) throw usageError(`--${flag} has a comma too many`, command);
  return names;
}

/** Splits at the commas outside of double quotes. */
function splitList(list: string): readonly string[] {
  const parts = list.match(/(?:"[^"]*"?|[^",])+|(?<=,|^)(?=,|$)/g) ?? [];
  return parts.map((part) => part.trim());
}
