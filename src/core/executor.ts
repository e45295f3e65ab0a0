import { ThreadlineError } from './errors.ts';

/** A pg Pool, Client or PoolClient, a PGlite, or any object whose `query` resolves to `{ rows }`. */
export interface QueryableDatabase {
  query(text: string, values?: never[]): PromiseLike<{ readonly rows: readonly unknown[] }>;
}

/** A postgres.js `sql`, or the one that `sql.begin` and `sql.reserve` hand out. */
export interface PostgresJsDatabase {
  unsafe(text: string, values?: never[]): PromiseLike<readonly unknown[]>;
}

/** A Knex instance or transaction on PostgreSQL. */
export interface KnexDatabase {
  raw(text: string, bindings: never[]): PromiseLike<{ readonly rows: readonly unknown[] }>;
}

/** Everything that Threadline can install into and read from. */
export type Database = QueryableDatabase | PostgresJsDatabase | KnexDatabase;

/** How the rest of the code talks to a database, whichever driver is underneath. */
export interface Executor {
  /** Runs one statement with `$1`-style parameters and resolves to its rows. */
  query(text: string, values: readonly unknown[]): Promise<readonly Row[]>;
  /** Runs a text of several statements as one atomic unit: all of it or nothing. */
  script(text: string): Promise<void>;
}

/** One row, by column name. Ask for text or JSON columns only: other types depend on the driver's parsers. */
export type Row = Readonly<Record<string, unknown>>;

type Method = (...args: readonly unknown[]) => PromiseLike<unknown>;
type Methods = { readonly [name: string]: Method };

/**
 * Turns any {@link Database} into an {@link Executor}. The only code that asks which driver it is.
 *
 * @throws ThreadlineError `TL_DATABASE_UNSUPPORTED`
 */
export function toExecutor(db: Database): Executor {
  if (has(db, 'unsafe')) return postgresJsExecutor(db);
  if (has(db, 'raw') && has(db, 'queryBuilder')) return knexExecutor(db);
  if (has(db, 'query')) return queryExecutor(db);
  throw new ThreadlineError(
    'TL_DATABASE_UNSUPPORTED',
    'db must be a pg Pool or Client, a postgres.js sql, a Knex instance or transaction, a PGlite, or an object with query(text, values)',
  );
}

function has<Name extends string>(value: unknown, name: Name): value is Record<Name, Method> & Methods {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  return typeof (value as Record<string, unknown>)[name] === 'function';
}

function queryExecutor(db: Methods & Record<'query', Method>): Executor {
  // PGlite runs several statements only through exec.
  const script = has(db, 'exec') ? (text: string) => db.exec(text) : (text: string) => db.query(text);
  return {
    query: async (text, values) => rowsOf(await db.query(text, [...values])),
    script: async (text) => void (await script(text)),
  };
}

function postgresJsExecutor(db: Record<'unsafe', Method>): Executor {
  return {
    query: async (text, values) => [...((await db.unsafe(text, [...values])) as readonly Row[])],
    // Without values postgres.js uses the simple protocol, which takes several statements.
    script: async (text) => void (await db.unsafe(text)),
  };
}

function knexExecutor(db: Record<'raw', Method>): Executor {
  return {
    query: async (text, values) => {
      const { sql, bindings } = toKnex(text, values);
      return rowsOf(await db.raw(sql, bindings));
    },
    script: async (text) => void (await db.raw(text.replaceAll('?', '\\?'))),
  };
}

/** Knex numbers its bindings by position and reads `?` as one. A `$` inside a quoted name is none of them. */
function toKnex(text: string, values: readonly unknown[]): { sql: string; bindings: unknown[] } {
  const bindings: unknown[] = [];
  const sql = text.replaceAll('?', '\\?').replace(/(?<![\w"$])\$(\d+)/g, (_whole, index: string) => {
    bindings.push(values[Number(index) - 1] ?? null);
    return '?';
  });
  return { sql, bindings };
}

/** The rows themselves are what a `postProcessResponse` of Knex may have made of the result. */
function rowsOf(result: unknown): readonly Row[] {
  return Array.isArray(result) ? (result as readonly Row[]) : (result as { rows: readonly Row[] }).rows;
}
