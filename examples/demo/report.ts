import type pg from 'pg';
import { actorText, detailText } from '../../src/cli/change-columns.ts';
import { type TextColumn, textTable } from '../../src/cli/text-table.ts';
import { actorHistory, type Change, history, type JsonValue, timeline } from '../../src/index.ts';
import { EURO, reforms } from './traffic.ts';

const WIDTH = 108;

/** Prints the record as people read it, with the functions that the package exports and in SQL. */
export async function report(pool: pg.Pool): Promise<void> {
  section('What happened last', 'timeline(db, { limit: 10 })');
  print([TIME, ACTOR, OP, TABLE, KEY, VALUES], await timeline(pool, { limit: 10 }));

  section('One row, before and after', "history(db, { table: 'countries', pk: 'LKA' })");
  print(CELL_COLUMNS, (await history(pool, { table: 'countries', pk: 'LKA' })).flatMap(cellsOf));

  section('One actor', "actorHistory(db, actor.serviceAccount('reforms'))");
  print([TIME, OP, TABLE, KEY, VALUES, REASON], await actorHistory(pool, reforms.actor));

  section('One correlation id: two requests and a job', `timeline(db, { correlationId: '${EURO}' })`);
  print([TIME, ACTOR, REQUEST, JOB, OP, TABLE, KEY], await timeline(pool, { correlationId: EURO }));

  section('The same in SQL', CORRELATION_SQL.replace('$1', `'${EURO}'`));
  print(SQL_COLUMNS, (await pool.query<SqlRow>(CORRELATION_SQL, [EURO])).rows);
}

function section(title: string, source: string): void {
  process.stdout.write(`\n${title}\n\n${indented(source)}\n\n`);
}

function print<Item>(columns: readonly TextColumn<Item>[], items: readonly Item[]): void {
  process.stdout.write(indented(textTable(columns, items, WIDTH)));
}

function indented(text: string): string {
  return text.replace(/^(?=.)/gm, '  ');
}

const TIME: TextColumn<Change> = { title: 'time (UTC)', maximum: 12, text: ({ at }) => at.slice(11, 23) };
const ACTOR: TextColumn<Change> = {
  title: 'actor',
  maximum: 24,
  text: ({ transaction }) => actorText(transaction.actor),
};
const OP: TextColumn<Change> = { title: 'op', maximum: 8, text: ({ op }) => op };
const TABLE: TextColumn<Change> = { title: 'table', maximum: 18, text: ({ table }) => table.name };
const KEY: TextColumn<Change> = { title: 'key', maximum: 16, text: ({ pk }) => Object.values(pk ?? {}).join(', ') };
const VALUES: TextColumn<Change> = { title: 'values', minimum: 16, maximum: 60, text: detailText };
const REASON: TextColumn<Change> = {
  title: 'reason',
  maximum: 40,
  text: ({ transaction }) => transaction.action?.reason ?? '',
};
const REQUEST: TextColumn<Change> = {
  title: 'request',
  maximum: 9,
  text: ({ transaction }) => transaction.requestId ?? '',
};
const JOB: TextColumn<Change> = { title: 'job', maximum: 4, text: ({ transaction }) => transaction.jobId ?? '' };

/** One column of one changed row. */
interface Cell {
  readonly change: Change;
  /** Whether it is the first of its change: only that line says when and by whom. */
  readonly isFirst: boolean;
  readonly column: string;
}

function cellsOf(change: Change): readonly Cell[] {
  const columns = change.op === 'update' ? change.changedFields : Object.keys(change.after ?? change.before ?? {});
  return columns.map((column, index) => ({ change, isFirst: index === 0, column }));
}

const CELL_COLUMNS: readonly TextColumn<Cell>[] = [
  ...[TIME, ACTOR, OP].map(({ title, maximum, text }) => ({
    title,
    maximum,
    text: ({ change, isFirst }: Cell) => (isFirst ? text(change) : ''),
  })),
  { title: 'column', maximum: 20, text: ({ column }) => column },
  { title: 'before', maximum: 24, text: ({ change, column }) => valueText(change.before?.[column]) },
  { title: 'after', maximum: 28, text: ({ change, column }) => valueText(change.after?.[column]) },
];

function valueText(value: JsonValue | undefined): string {
  return value === undefined ? '' : value === null ? '(null)' : String(value);
}

const CORRELATION_SQL = `\
select to_char(c.captured_at at time zone 'UTC', 'HH24:MI:SS.MS') as time,
       (t.actor_ref ->> 'type') || ':' || (t.actor_ref ->> 'id') as actor,
       t.db_user, c.op, c.table_name, a.name as action
from threadline.audit_changes c
join threadline.audit_transactions t on t.id = c.transaction_id
left join threadline.audit_actions a on a.id = t.action_id
where t.correlation_id = $1
order by c.id desc`;

const SQL_NAMES = ['time', 'actor', 'db_user', 'op', 'table_name', 'action'] as const;
type SqlRow = Readonly<Record<(typeof SQL_NAMES)[number], string | null>>;
const SQL_COLUMNS: readonly TextColumn<SqlRow>[] = SQL_NAMES.map((name) => ({
  title: name,
  maximum: 24,
  text: (row) => row[name] ?? '',
}));
