import { currentScope, enterScope } from '../../core/store.ts';
import { type PoolOptions, probe } from './driver.ts';
import { bindCallback, instrumentQueries } from './queries.ts';

/** What {@link wrapPostgres} takes: the `sql` that `postgres()` of postgres.js returns. */
export interface PostgresJsLike {
  readonly options: object;
  unsafe(...args: never[]): unknown;
}

/**
 * Makes a postgres.js `sql` attribute every write to the actor of the code that executed it:
 * tagged queries, `unsafe` and `file`, in `begin`, `savepoint` and `reserve`, with cursors and
 * streams. Where a query is executed in no context, the one that it was created in counts.
 * Costs no round trip. The pool is instrumented in place and returned, so that everything which
 * holds it is covered; wrapping it again does nothing.
 *
 * @throws ThreadlineError `TL_POSTGRES_UNSUPPORTED`
 * @example
 * const sql = wrapPostgres(postgres());
 * await runWithActor(actor.user('42'), () => sql`insert into posts (title) values (${'Hello'})`);
 */
export function wrapPostgres<Sql extends PostgresJsLike>(sql: Sql): Sql {
  const { query, prototype } = probe(sql as never);
  const options: PoolOptions = sql.options;
  const isFresh = Object.keys(options.parameters ?? {}).length === 0;
  // A replication connection takes no extended-protocol message.
  if (query.canceller && !options.connection?.['replication'])
    instrumentQueries(prototype, query.canceller, {
      options,
      handler: query.handler,
      isFresh,
      preparesSettings: true,
    });
  for (const name of ['reserve', 'listen', 'subscribe']) detach(sql, name);
  return sql;
}

const DETACHED: unique symbol = Symbol.for('threadline.postgres.detached') as never;

/** Lets a method open its connections outside of any context, and call back in the one of the call. */
function detach(sql: object, name: string): void {
  const original: unknown = Reflect.get(sql, name);
  if (typeof original !== 'function' || DETACHED in original) return;
  const detached = (...args: unknown[]): unknown => {
    const scope = currentScope();
    const bound = args.map((argument) => bindCallback(argument, scope));
    return enterScope(undefined, () => Reflect.apply(original, sql, bound));
  };
  Object.defineProperties(detached, { name: { value: name }, [DETACHED]: { value: true } });
  Reflect.set(sql, name, detached);
}
