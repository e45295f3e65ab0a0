import { type Arguments, type Command, type Flag, usageError } from './command.ts';

/** The flag that names the tables to audit. */
export const TABLES_FLAG: Readonly<Record<string, Flag>> = {
  tables: { value: 'LIST', about: `tables with commas between: users,sales.orders,'"Mixed Case"'` },
};

/** The tables of --tables. */
export function tablesOf(args: Arguments, command: Command): readonly string[] {
  const list = args.value('tables');
  if (list === undefined || list.trim() === '') throw usageError('--tables is missing: --tables users,posts', command);
  const tables = splitTables(list);
  if (tables.includes('')) throw usageError('--tables has a comma too many', command);
  return tables;
}

/** Splits at the commas outside of double quotes. */
function splitTables(list: string): readonly string[] {
  const parts = list.match(/(?:"[^"]*"?|[^",])+|(?<=,|^)(?=,|$)/g) ?? [];
  return parts.map((part) => part.trim());
}
