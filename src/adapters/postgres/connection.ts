import type { ConnectionState } from '../pg/connection-state.ts';
import type { Pool } from './driver.ts';
import type { Injection } from './injection.ts';
import type { PreparedSettings } from './prepared-settings.ts';

/** A socket as the driver uses it. */
export interface Socket {
  readonly destroyed?: boolean;
  write(chunk: unknown, ...rest: unknown[]): boolean;
  emit(event: string | symbol, ...args: unknown[]): boolean;
}

/** What is known of one connection while its socket lives. */
export interface Connection {
  /** The socket, once the first query has shown it, and its own way to write. */
  socket: Socket | undefined;
  send(bytes: Uint8Array): boolean;
  readonly pool: Pool;
  /** The statement that applies settings, once it has been prepared. */
  prepared: PreparedSettings | undefined;
  /** Status and settings as they will be once everything that is under way has been answered. */
  readonly expected: ConnectionState;
  /** The transaction status by the last ReadyForQuery. */
  status: string | undefined;
  /** What went out with the query whose answers come next. */
  current: Injection | undefined;
  /** What is to go out with the marked messages, by mark. */
  readonly marked: Map<string, Injection>;
  /** What must not go out before the server has answered everything older than the adapter; undefined for nothing. */
  held: Uint8Array[] | undefined;
  /** Of an answer that is not complete: the bytes that came, or how many are still to come and to be passed on. */
  rest: Buffer | undefined;
  skip: number;
}

// By the object with which the driver names a connection; it outlives the sockets.
const connections = new WeakMap<object, Connection>();

/** The connection that the driver calls `backend`, on its present socket. */
export function connectionOf(backend: object, pool: Pool): Connection {
  const known = connections.get(backend);
  if (known && !known.socket?.destroyed) return known;
  const status = known || pool.isFresh ? 'I' : undefined;
  const connection: Connection = {
    socket: undefined,
    send: () => false,
    pool,
    prepared: undefined,
    expected: {
      status,
      applied: undefined,
      standardStrings: pool.options.parameters?.['standard_conforming_strings'] === 'on',
      interceptor: undefined,
    },
    status,
    current: undefined,
    marked: new Map(),
    held: undefined,
    rest: undefined,
    skip: 0,
  };
  connections.set(backend, connection);
  return connection;
}
