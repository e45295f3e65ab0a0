import { type SQL, sql } from 'drizzle-orm';

/** Runs a text with `$1`-style parameters as a query of Drizzle's. */
export function execute<Result>(db: { execute(query: SQL): Result }, text: string, values: readonly string[]): Result {
  const parts = text.split(/\$\d/).map((part) => sql.raw(part));
  return db.execute(
    sql.join(parts.flatMap((part, index) => (index === 0 ? [part] : [sql`${values[index - 1]}`, part]))),
  );
}

/** What Drizzle cannot do, over any driver. */
export const DRIZZLE_LIMITS: Readonly<Record<string, string>> = {
  'a lazy query built in a context and awaited in none belongs to the one it was built in':
    'await the query in the context that it is to belong to; Drizzle does not say where it was built',
};
