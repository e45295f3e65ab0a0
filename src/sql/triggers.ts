import { ThreadlineError } from '../core/errors.ts';
import { type Database, toExecutor } from '../core/executor.ts';
import { parseTableName, quoteIdentifier, quoteLiteral, quoteTableName } from '../core/identifier.ts';
import { naming } from './database-errors.ts';
import { installedVersion } from './install.ts';
import {
  parseTableListOptions,
  parseTriggerOptions,
  type TableListOptions,
  type TableWithOptions,
  type TriggerOptions,
} from './table-options.ts';

/**
 * Audits tables: from here on every insert, update, delete and truncate on them is recorded. All of
 * them or none; run again it changes nothing, and after a change of a table's columns it catches up.
 * Other options for a table that is audited already are recorded as the action `audit.options_changed`.
 *
 * @throws ThreadlineError `TL_TABLE_…` for what cannot be audited, `TL_NOT_INSTALLED`, `TL_IDENTIFIER_INVALID`
 * @example
 * await installTriggers(pool, {
 *   tables: ['sales.orders', { table: 'users', exclude: ['password_hash'], mask: ['email'], ignore: ['last_seen_at'] }],
 * });
 */
export async function installTriggers(db: Database, options: TriggerOptions): Promise<void> {
  await run(db, parseTriggerOptions(options).schema, triggersSql(options));
}

/**
 * What {@link installTriggers} runs, as text for a migration of one's own. One statement.
 *
 * @throws ThreadlineError `TL_INSTALL_OPTIONS_INVALID` or `TL_IDENTIFIER_INVALID`
 */
export function triggersSql(options: TriggerOptions): string {
  const { schema, tables } = parseTriggerOptions(options);
  const names = tables.map((table) => nameOf(typeof table === 'string' ? table : table.table));
  const settings = tables.map((table) => (typeof table === 'string' ? 'NULL' : quoteLiteral(optionsJson(table))));
  const list = settings.every((setting) => setting === 'NULL')
    ? ''
    : `, ARRAY[${settings.join(', ')}]::pg_catalog.jsonb[]`;
  return `SELECT * FROM ${quoteIdentifier(schema)}.install_triggers(ARRAY[${names.join(', ')}]${list});\n`;
}

/**
 * Stops auditing tables. What was recorded stays.
 *
 * @throws ThreadlineError `TL_TABLE_NOT_FOUND`, `TL_NOT_INSTALLED`, `TL_IDENTIFIER_INVALID`
 */
export async function uninstallTriggers(db: Database, options: TableListOptions): Promise<void> {
  await run(db, parseTableListOptions(options).schema, uninstallTriggersSql(options));
}

/** What {@link uninstallTriggers} runs, as text for a migration of one's own. One statement. */
export function uninstallTriggersSql(options: TableListOptions): string {
  const { schema, tables } = parseTableListOptions(options);
  return `SELECT * FROM ${quoteIdentifier(schema)}.uninstall_triggers(ARRAY[${tables.map(nameOf).join(', ')}]);\n`;
}

async function run(db: Database, schema: string, script: string): Promise<void> {
  const executor = toExecutor(db);
  if ((await installedVersion(executor, schema)) === undefined)
    throw new ThreadlineError(
      'TL_NOT_INSTALLED',
      `There is no Threadline in the schema ${quoteIdentifier(schema)}: call install(db) first`,
    );
  await naming(() => executor.script(script));
}

function nameOf(table: string): string {
  return quoteLiteral(quoteTableName(parseTableName(table)));
}

function optionsJson({ table: _table, ...options }: TableWithOptions): string {
  return JSON.stringify(options);
}
