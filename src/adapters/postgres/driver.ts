import type { Scope } from '../../core/context.ts';
import { ThreadlineError } from '../../core/errors.ts';
import type { Connection } from './connection.ts';
import type { Injection } from './injection.ts';

/*
 * The parts of postgres.js that the adapter touches, as structural types. They have kept their
 * shape through 3.4.
 */

/** postgres.js's Query: a lazy promise. */
export interface Query {
  executed: boolean;
  /** What takes it to a connection: one for the pool, and one for every transaction and reserved connection. */
  readonly handler: object;
  /** One for every `postgres()`, also for what its `begin` and `reserve` hand out; null once used. */
  readonly canceller: object | null;
  readonly options: {
    readonly simple?: unknown;
    /** Called once it has been sent; where it answers with a falsehood, nothing is pipelined behind. */
    onexecute?: unknown;
  };
  /** The text as it is sent, once the driver has built it. */
  readonly string: string;
  readonly onlyDescribe?: unknown;
  /** Whether its statement has a name. */
  readonly prepare?: unknown;
  /** Whether its values are sent once the server has described it. */
  readonly describeFirst?: unknown;
  readonly streaming?: unknown;
  /** Whether the connection has a prepared statement for it, and by what it knows that statement. */
  prepared?: unknown;
  signature?: unknown;
  /** Its values; the driver turns each into text in place when it writes them. */
  parameters?: unknown;
  cursorFn?: unknown;
  forEachFn?: unknown;
  resolve(value: unknown): unknown;
  reject(error: unknown): unknown;
  handle(): unknown;
  [JOURNEY]?: Journey;
}

/** What a query will be sent as. */
export interface Statement {
  readonly string: string;
}

/** `sql.options`. */
export interface PoolOptions {
  /** What the server said of its settings. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** What connections are begun with. */
  readonly connection?: Readonly<Record<string, unknown>>;
  /** The Unix socket, where it is one. */
  readonly path?: string | undefined;
}

/** With what the driver names a connection, and the process id that it was told. */
export interface Backend {
  readonly pid?: number | null;
}

/** A pool whose queries are attributed. */
export interface Pool {
  readonly options: PoolOptions;
  readonly handler: object;
  /** Whether none of its connections is older than the adapter. */
  readonly isFresh: boolean;
  /** Whether a statement that was prepared on a connection is there when it is needed. */
  preparesSettings: boolean;
}

/** What is kept of a query between its creation and its last answer. */
export interface Journey {
  /** The context that it was created in, and the one that counts. */
  readonly created: Scope | undefined;
  scope: Scope | undefined;
  /** Its pool, once it is executed; undefined for a pool that is none of ours. */
  pool: Pool | undefined;
  /** What the driver assigned to the properties of these names. */
  state: unknown;
  active: unknown;
  statement: Statement | null;
  /** What goes in front of its text and in front of the name of its portal, until the driver has read it. */
  textMark: string | undefined;
  portalMark: string | undefined;
  /** The connection that took it, and whether nothing was under way there. */
  connection: Connection | undefined;
  isNext: boolean;
  /** What goes out with it. */
  injection: Injection | undefined;
  /** Whether the server refused it behind settings, so that it goes out without. */
  isBare: boolean;
}

/** Where a query keeps its journey. */
export const JOURNEY: unique symbol = Symbol.for('threadline.postgres.journey') as never;
/** Where the prototype of the queries keeps the pools whose queries are attributed, by canceller. */
export const POOLS: unique symbol = Symbol.for('threadline.postgres.pools') as never;

/** The prototype of the queries of one copy of postgres.js. */
export interface QueryPrototype extends Query {
  [POOLS]?: WeakMap<object, Pool>;
}

/** A query of the pool that nobody executes, and its class's prototype. */
export function probe(sql: { unsafe(text: string): unknown }): { query: Query; prototype: QueryPrototype } {
  const query = typeof sql?.unsafe === 'function' ? sql.unsafe('') : undefined;
  if (!(query instanceof Promise) || !isQuery(query))
    throw new ThreadlineError(
      'TL_POSTGRES_UNSUPPORTED',
      'wrapPostgres takes the sql that postgres() of postgres.js 3.4 returns; this is something else, or another version',
    );
  return { query, prototype: Object.getPrototypeOf(query) as QueryPrototype };
}

/** Whether a query goes out as nothing but the values of a prepared statement. */
export function isBound(query: Query): boolean {
  return Boolean(query.prepared) && !query.options.simple;
}

function isQuery(value: object): value is Query {
  const query = value as Partial<Query>;
  const knows = ['state', 'active', 'statement', 'executed', 'handler'].every((name) => name in query);
  return knows && typeof query.handle === 'function' && typeof query.canceller === 'function';
}
