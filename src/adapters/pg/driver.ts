import { types } from 'node:util';

/*
 * The parts of node-postgres that the adapter touches, as structural types: all of them are the
 * Submittable protocol or have kept their shape since pg 8.0.
 */

/** A function of the driver whose arguments pass through. */
export type Method = (this: unknown, ...args: unknown[]) => unknown;

/** pg's Connection: the protocol on one socket. */
export interface Connection {
  /** A socket, or what stands in for one: without `cork` it collects what is written within a tick by itself. */
  readonly stream: {
    cork?(): void;
    uncork?(): void;
    write?(data: Uint8Array): boolean;
    pause?(): unknown;
    resume?(): unknown;
  };
  readonly submittedNamedStatements?: Record<string, unknown>;
  query: Method;
  parse: Method;
  bind: Method;
  execute(config: object): void;
  sync(): void;
  prependListener(event: string, listener: (message: { readonly [field: string]: unknown }) => void): unknown;
  prependOnceListener(event: string, listener: (message: { readonly [field: string]: unknown }) => void): unknown;
}

/** pg's Submittable: what `client.query` puts into its queue. */
export interface Submittable {
  text?: unknown;
  name?: unknown;
  values?: unknown;
  rows?: unknown;
  queryMode?: unknown;
  binary?: unknown;
  callback?: unknown;
  /** Of a stream of pg-query-stream: what it reads. */
  cursor?: Cursor | undefined;
  submit(connection: Connection): unknown;
  requiresPreparation?(): boolean;
}

/** What pg-cursor keeps of itself. */
export interface Cursor {
  text?: unknown;
  state?: unknown;
  connection?: unknown;
  /** The reads that wait, as arguments of `_getRows`. */
  _queue?: unknown[][];
  /** The callback of the read that is under way. */
  _cb?: unknown;
  _getRows?: Method;
}

/** The text of a query; that of a stream is its cursor's. */
export function textOf(query: Submittable): unknown {
  return query.text ?? query.cursor?.text;
}

/** pg's Client. */
export interface PgClient {
  readonly connection?: Connection;
  readonly pipeline?: boolean;
  readonly readyForQuery?: boolean;
  /** The queries that were not sent yet. */
  readonly _queryQueue?: Submittable[];
  /** The same, before pg 8.17. */
  readonly queryQueue?: Submittable[];
  /** In a pipeline, the queries that wait for their answers behind the one that gets its own. */
  readonly _sentQueryQueue?: readonly unknown[];
  readonly replication?: unknown;
  /** The process id that the connection was told. */
  readonly processID?: number | null;
  getTransactionStatus?(): string | null;
  /** Sends the next query where one may be sent now. */
  _pulseQueryQueue?: Method;
  query: Method;
  connect: Method;
  end?: Method;
}

/** pg-pool's Pool. */
export interface PgPool {
  connect: Method;
  query: Method;
  end: Method;
  newClient?: Method;
  /** Serves whoever waits. */
  _pulseQueue?: Method;
  /** All clients, the newest last. */
  readonly _clients?: readonly PgClient[];
}

const INSTRUMENTED = Symbol.for('threadline.pg.instrumented');

/** Replaces a method of an object or a prototype by one that knows the original; does nothing the second time. */
export function replaceMethod<Name extends string>(
  target: { [Key in Name]?: Method },
  name: Name,
  replacement: (original: Method) => Method,
): void {
  // What a Proxy shows calls what lies below, and it is there that a method is replaced.
  const own: unknown = Object.getOwnPropertyDescriptor(target, name)?.value;
  const below = typeof own === 'function' ? own : Reflect.get(Object(Object.getPrototypeOf(target)), name);
  const original = (types.isProxy(target) && typeof below === 'function' ? below : target[name]) as Method | undefined;
  if (original === undefined || INSTRUMENTED in original) return;
  const replaced = replacement(original);
  Object.defineProperty(replaced, 'name', { value: original.name });
  Object.defineProperty(replaced, INSTRUMENTED, { value: true });
  Object.defineProperty(target, name, { value: replaced, configurable: true, writable: true, enumerable: false });
}
