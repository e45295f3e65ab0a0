import postgres, { type Sql } from 'postgres';
import { wrapPostgres } from '../../../src/adapters/postgres/index.ts';
import { doTasks } from '../../support/pooled/processes.ts';
import { as, type Insert, PIPELINED, quiet } from './shapes.ts';

/** What one client of a pooler does. */
export interface Task {
  readonly url: string;
  /** What its actors are called; no two clients share a name. */
  readonly prefix: string;
  readonly prepare: boolean;
  /** Whether the pooler lets a client have transactions. */
  readonly transactions: boolean;
}

// Each with a connection of its own, on which one query follows the other: before PgBouncer 1.21 the driver hangs
// when it sends a query behind another of another kind, with the adapter and without. Rows that are copied in are
// not for it either: their end is reported before the connection is free.
const CALLERS = 3;

/** Opens attributed pools and writes notes in every way; each bears the name of its actor, or `nobody`. */
export async function work({ prefix, ...task }: Task): Promise<void> {
  await Promise.all(
    Array.from({ length: CALLERS }, (_unused, number) => call({ ...task, prefix: `${prefix}.${number}` })),
  );
}

async function call({ url, prefix: body, prepare, transactions }: Task): Promise<void> {
  const sql = wrapPostgres(postgres(url, quiet({ max: 1, prepare, fetch_types: false })));
  try {
    for (const [index, [shape, insert]] of PIPELINED.entries()) {
      if (!transactions && /cursor/.test(shape)) continue;
      if (index % 3 === 0) await insert(sql, 'nobody');
      await as(body, () => insert(sql, body));
      if (transactions) await as(body, () => writeTwice(sql, insert, body));
    }
  } finally {
    await sql.end({ timeout: 5 });
  }
}

async function writeTwice(sql: Sql, insert: Insert, body: string): Promise<void> {
  await sql.begin(async (tx) => {
    await insert(tx, body);
    await insert(tx, body);
  });
}

doTasks<Task>(import.meta.url, work);
