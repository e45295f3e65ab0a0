import type { Executor } from '../core/executor.ts';
import { isDate } from '../core/validation.ts';
import type { TimelineFilters } from './filters.ts';
import { auditName, jsonOf, limitOf, pageConditions, pageEnd } from './page.ts';
import type { Parameters } from './parameters.ts';
import { NEWEST_OF_TABLE, type ResolvedTable, recordedUnder, resolveTable, tableRange } from './table-reference.ts';

/**
 * The SELECT of the ids of one page of a timeline.
 *
 * What belongs to an actor or a correlation is a property of transactions. Those are walked from the
 * newest on, each with its changes, until the page is full: however rare or busy they are in the log,
 * no more is read than that.
 */
export async function selectTimeline(
  executor: Executor,
  filters: TimelineFilters,
  parameters: Parameters,
): Promise<string> {
  const changes = auditName('audit_changes', filters.schema);
  const transactions = auditName('audit_transactions', filters.schema);
  const table = filters.table === undefined ? undefined : await resolveTable(executor, filters.table, filters.schema);
  const where = (conditions: readonly string[]) => `where ${['true', ...conditions].join(' and ')}`;
  const limit = `limit ${limitOf(filters, parameters)}`;
  const ofTransactions = transactionConditions(filters, parameters);
  const ofChanges = changeConditions(filters, parameters);
  if (ofTransactions.length === 0)
    return table === undefined
      ? `select c.id from ${changes} c ${where([...ofChanges, ...pageConditions(filters, parameters)])} order by c.id desc ${limit}`
      : selectOfTable(table);
  if (table !== undefined)
    ofChanges.push(`(${table.names.map((recorded) => recordedUnder(recorded, 'c', parameters)).join(' or ')})`);
  if (filters.cursor !== undefined) {
    const cursor = `${parameters.add(filters.cursor)}::pg_catalog.int8`;
    const reached = `(select r.transaction_id from ${changes} r where r.id <= ${cursor} order by r.id desc limit 1)`;
    ofTransactions.push(`t.id <= ${reached}`);
    ofChanges.push(`(t.id < ${reached} or c.id < ${cursor})`);
  }
  return `
    select c.id
    from ${transactions} t
    cross join lateral (
      select c.id
      from ${changes} c
      ${where([...OF_TRANSACTION, ...ofChanges])}
      order by c.transaction_id desc, c.id desc
      ${limit}
    ) c
    ${where(ofTransactions)}
    order by t.id desc, c.id desc
    ${limit}`;

  // Under each of its names, newest first: as the index has them.
  function selectOfTable({ names }: ResolvedTable): string {
    const selections = names.map((recorded) => {
      const range = tableRange(recorded, pageEnd(filters, parameters), parameters);
      return `select c.id from ${changes} c ${where([...ofChanges, ...range])} ${NEWEST_OF_TABLE} ${limit}`;
    });
    if (selections.length === 1) return selections.join();
    return `select c.id from (${selections.map((selection) => `(${selection})`).join(' union all ')}) c order by c.id desc ${limit}`;
  }
}

// By bounds for the same reason as those of a table: see tableRange.
const OF_TRANSACTION = ['c.transaction_id >= t.id', '(c.transaction_id, c.id) <= (t.id, 9223372036854775807)'];

function transactionConditions({ actor, correlationId, schema }: TimelineFilters, parameters: Parameters): string[] {
  const conditions: string[] = [];
  if (actor === null) conditions.push('t.actor_ref is null');
  else if (actor !== undefined) conditions.push(`t.actor_ref = ${jsonOf(actor, parameters, schema)}`);
  if (correlationId !== undefined)
    conditions.push(`t.correlation_id = (${jsonOf(correlationId, parameters, schema)} #>> '{}')`);
  return conditions;
}

function changeConditions({ from, to, op }: TimelineFilters, parameters: Parameters): string[] {
  const conditions: string[] = [];
  if (from !== undefined) conditions.push(`c.captured_at >= ${addTime(from, parameters)}`);
  if (to !== undefined) conditions.push(`c.captured_at < ${addTime(to, parameters)}`);
  if (op !== undefined) conditions.push(`c.op in (${[op].flat().map(parameters.add).join(', ')})`);
  return conditions;
}

function addTime(time: Date | string, parameters: Parameters): string {
  const text = isDate(time) ? textOfDate(time) : time.length === 10 ? `${time}T00:00:00Z` : time;
  return `${parameters.add(text)}::pg_catalog.timestamptz`;
}

/** A Date as PostgreSQL reads it. It writes years outside of 1 to 9999 in another way, and has not all of them: nothing was captured there. */
function textOfDate(date: Date): string {
  const year = date.getUTCFullYear();
  if (year > 9999) return 'infinity';
  return year < 1 ? '-infinity' : date.toISOString();
}
