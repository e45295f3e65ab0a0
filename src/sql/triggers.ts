import { type Database, type Executor, toExecutor } from '../core/executor.ts';
import { parseTableName, quoteIdentifier, quoteLiteral, quoteTableName } from '../core/identifier.ts';
import { naming } from './database-errors.ts';
import { requireInstalled } from './install.ts';
import {
  type Parsed,
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
 * With `baseline: true` the rows that are there already are recorded too, as they are at the moment when this is
 * called: in batches, each in a transaction of its own unless `db` is in one, while others go on writing. Interrupted,
 * it goes on where it was when it is called again; done, it does nothing.
 *
 * @returns how many rows of a baseline this call recorded
 * @throws ThreadlineError `TL_TABLE_…` for what cannot be audited, `TL_BASELINE_UNAVAILABLE`, `TL_NOT_INSTALLED`,
 * `TL_IDENTIFIER_INVALID`
 * @example
 * await installTriggers(pool, {
 *   tables: ['sales.orders', { table: 'users', exclude: ['password_hash'], mask: ['email'], ignore: ['last_seen_at'] }],
 * });
 */
export async function installTriggers(db: Database, options: TriggerOptions): Promise<InstalledTriggers> {
  const parsed = parseTriggerOptions(options);
  const { schema, tables, baseline } = parsed;
  const executor = await run(db, schema, installation({ ...parsed, baseline: false }));
  if (baseline !== true) return { baselineRows: 0 };
  const names = tables.map(nameOfTable);
  // Each on its own: a lock that is held while another table's writers are waited for holds up writers, or deadlocks with them.
  for (const name of names) await naming(() => executor.script(installation({ schema, tables: [name], baseline })));
  let baselineRows = 0;
  for (const name of names) baselineRows += await recordBaseline(executor, schema, name);
  return { baselineRows };
}

/** What {@link installTriggers} did. */
export interface InstalledTriggers {
  /** The rows that were recorded as part of a baseline. */
  readonly baselineRows: number;
}

async function recordBaseline(executor: Executor, schema: string, table: string): Promise<number> {
  // One column, whatever a driver makes of its name.
  const batch = `select pg_catalog.concat_ws(' ', b.recorded, b.is_finished)
    from ${quoteIdentifier(schema)}.baseline_batch(${quoteLiteral(table)}::pg_catalog.regclass) b`;
  for (let total = 0; ; ) {
    const [row] = await naming(() => executor.query(batch, []));
    const [recorded, isFinished] = String(Object.values(row ?? {})[0]).split(' ');
    total += Number(recorded);
    if (isFinished !== 'f') return total;
  }
}

/**
 * What {@link installTriggers} runs, as text for a migration of one's own. One statement; a second one
 * with a baseline, which records all of it in the transaction of the migration.
 *
 * @throws ThreadlineError `TL_INSTALL_OPTIONS_INVALID` or `TL_IDENTIFIER_INVALID`
 */
export function triggersSql(options: TriggerOptions): string {
  const parsed = parseTriggerOptions(options);
  const { schema, tables, baseline } = parsed;
  if (baseline !== true) return installation(parsed);
  const names = tables.map((table) => quoteLiteral(nameOfTable(table))).join(', ');
  return `${installation(parsed)}SELECT ${quoteIdentifier(schema)}.record_baselines(ARRAY[${names}]);\n`;
}

function installation({ schema, tables, baseline }: Parsed<TriggerOptions>): string {
  const names = tables.map((table) => quoteLiteral(nameOfTable(table)));
  const settings = tables.map((table) => (typeof table === 'string' ? 'NULL' : quoteLiteral(optionsJson(table))));
  const list = settings.every((setting) => setting === 'NULL')
    ? ''
    : `, ARRAY[${settings.join(', ')}]::pg_catalog.jsonb[]`;
  const withBaseline = baseline === true ? ', baseline => true' : '';
  return `SELECT * FROM ${quoteIdentifier(schema)}.install_triggers(ARRAY[${names.join(', ')}]${list}${withBaseline});\n`;
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
  return `SELECT * FROM ${quoteIdentifier(schema)}.uninstall_triggers(ARRAY[${tables.map((table) => quoteLiteral(nameOfTable(table))).join(', ')}]);\n`;
}

async function run(db: Database, schema: string, script: string): Promise<Executor> {
  const executor = toExecutor(db);
  await requireInstalled(executor, schema);
  await naming(() => executor.script(script));
  return executor;
}

function nameOfTable(table: string | TableWithOptions): string {
  return quoteTableName(parseTableName(typeof table === 'string' ? table : table.table));
}

function optionsJson({ table: _table, ...options }: TableWithOptions): string {
  return JSON.stringify(options);
}
