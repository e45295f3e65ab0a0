import type { ConnectionState } from '../pg/connection-state.ts';
import type { PreparedSettings } from '../pg/messages.ts';
import type { Backend, Journey, Pool, Query } from './driver.ts';
import type { Departure, Injection } from './injection.ts';

/** A socket as the driver uses it. */
export interface Socket {
  readonly destroyed?: boolean;
  readonly host?: string;
  readonly port?: number;
  write(chunk: unknown, ...rest: unknown[]): boolean;
  emit(event: string | symbol, ...args: unknown[]): boolean;
}

/** What is known of one connection while its socket lives. */
export interface Connection {
  /** The socket, once the first query has shown it, and its own way to write. */
  socket: Socket | undefined;
  send(bytes: Uint8Array): boolean;
  readonly pool: Pool;
  /** The process id that the connection was told. */
  readonly processId: number | null | undefined;
  /** Whether the server itself is at the other end, and no pooler; undefined until it has said so. */
  isDirect: boolean | undefined;
  /** The statement that applies settings, once it has been prepared. */
  prepared: PreparedSettings | undefined;
  /** Status and settings as they will be once everything that is under way has been answered. */
  readonly expected: ConnectionState;
  /** The transaction status by the last ReadyForQuery. */
  status: string | undefined;
  /** What went out with the query whose answers come next. */
  current: Injection | undefined;
  /** What becomes of the marked messages, by mark. */
  readonly marked: Map<string, Departure>;
  /** What must not go out before the next answers are for a certain query, in order. */
  readonly held: { readonly until: Journey; readonly parts: Buffer[] }[];
  /** Of an answer that is not complete: the bytes that came, or how many are still to come and to be passed on. */
  rest: Buffer | undefined;
  skip: number;
}

// By the object with which the driver names a connection; it outlives the sockets.
const connections = new WeakMap<object, Connection>();

/** The connection that the driver calls `backend`, on its present socket. */
export function connectionOf(backend: Backend, pool: Pool): Connection {
  const known = connections.get(backend);
  if (known && !known.socket?.destroyed) return known;
  const status = known || pool.isFresh ? 'I' : undefined;
  const connection: Connection = {
    socket: undefined,
    send: () => false,
    pool,
    processId: backend.pid,
    isDirect: undefined,
    prepared: undefined,
    expected: {
      status,
      applied: undefined,
      standardStrings: pool.options.parameters?.['standard_conforming_strings'] === 'on',
    },
    status,
    current: undefined,
    marked: new Map(),
    held: [],
    rest: undefined,
    skip: 0,
  };
  connections.set(backend, connection);
  return connection;
}

/** The major version of the server, NaN while it has not said so. */
export function majorOf({ pool }: Connection): number {
  return Number.parseInt(pool.options.parameters?.['server_version'] ?? '', 10);
}

// By what takes the queries of a transaction or a reserved connection there.
const owned = new WeakMap<object, Connection>();

/** Notes which connection a query goes to, where all of its kind go to the same. */
export function noteOwner({ handler }: Query, connection: Connection): void {
  if (handler !== connection.pool.handler) owned.set(handler, connection);
}

/**
 * The error of a query in a transaction, or on a reserved connection, that has been lost. The driver
 * would write it to a socket that is not there, which ends the process, or to the next connection.
 */
export function lossOf({ handler }: Query): Error | undefined {
  const connection = owned.get(handler);
  if (!connection?.socket?.destroyed) return undefined;
  const { host, port } = connection.socket;
  const { path } = connection.pool.options;
  const address = path ? { address: path } : { address: host, port };
  return Object.assign(new Error(`write CONNECTION_CLOSED ${path || `${host}:${port}`}`), {
    code: 'CONNECTION_CLOSED',
    errno: 'CONNECTION_CLOSED',
    ...address,
  });
}
