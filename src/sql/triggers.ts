import { ThreadlineError } from '../core/errors.ts';
import { type Database, toExecutor } from '../core/executor.ts';
import { parseTableName, quoteIdentifier, quoteLiteral, quoteTableName } from '../core/identifier.ts';
import { naming } from './database-errors.ts';
import { installedVersion } from './install.ts';
import { parseTableOptions, type TableOptions } from './options.ts';

/**
 * Audits tables: from here on every insert, update, delete and truncate on them is recorded. All of
 * them or none; run again it changes nothing, and after a change of a table's columns it catches up.
 *
 * @throws ThreadlineError `TL_TABLE_…` for what cannot be audited, `TL_NOT_INSTALLED`, `TL_IDENTIFIER_INVALID`
 * @example await installTriggers(pool, { tables: ['users', 'sales.orders'] })
 */
export async function installTriggers(db: Database, options: TableOptions): Promise<void> {
  await run(db, options, triggersSql(options));
}

/**
 * What {@link installTriggers} runs, as text for a migration of one's own. One statement.
 *
 * @throws ThreadlineError `TL_INSTALL_OPTIONS_INVALID` or `TL_IDENTIFIER_INVALID`
 */
export function triggersSql(options: TableOptions): string {
  return callFor('install_triggers', options);
}

/**
 * Stops auditing tables. What was recorded stays.
 *
 * @throws ThreadlineError `TL_TABLE_NOT_FOUND`, `TL_NOT_INSTALLED`, `TL_IDENTIFIER_INVALID`
 */
export async function uninstallTriggers(db: Database, options: TableOptions): Promise<void> {
  await run(db, options, uninstallTriggersSql(options));
}

/** What {@link uninstallTriggers} runs, as text for a migration of one's own. One statement. */
export function uninstallTriggersSql(options: TableOptions): string {
  return callFor('uninstall_triggers', options);
}

async function run(db: Database, options: TableOptions, script: string): Promise<void> {
  const { schema } = parseTableOptions(options);
  const executor = toExecutor(db);
  if ((await installedVersion(executor, schema)) === undefined)
    throw new ThreadlineError(
      'TL_NOT_INSTALLED',
      `There is no Threadline in the schema ${quoteIdentifier(schema)}: call install(db) first`,
    );
  await naming(() => executor.script(script));
}

function callFor(name: string, options: TableOptions): string {
  const { schema, tables } = parseTableOptions(options);
  const names = tables.map((table) => quoteLiteral(quoteTableName(parseTableName(table))));
  return `SELECT * FROM ${quoteIdentifier(schema)}.${name}(ARRAY[${names.join(', ')}]);\n`;
}
