/*
 * The parts of PGlite that the adapter touches, as structural types. Everything that PGlite runs
 * for its caller (query, exec, sql, transactions) goes through execProtocolStream, one protocol
 * message at a time; that method came with 0.4.
 */

/** A message of the server's, parsed. */
export interface BackendMessage {
  readonly name: string;
  readonly status?: string;
  readonly parameterName?: string;
  readonly parameterValue?: string;
}

/** PGlite's way to send one or more protocol messages; rejects with the server's error. */
export type ExecProtocol = (message: Uint8Array, options?: object) => Promise<BackendMessage[]>;

/** A callback for notifications. */
export type Notified = (...payload: string[]) => void;

/** A PGlite. */
export interface PGliteClient {
  execProtocolStream: ExecProtocol;
  /** Within it PGlite sends what its caller asked for, in the caller's own chain of awaits. */
  _runExclusiveQuery<T>(fn: () => Promise<T>): Promise<T>;
  isInTransaction?(): boolean;
  listen(channel: string, callback: Notified, transaction?: unknown): Promise<unknown>;
  unlisten(channel: string, callback?: Notified, transaction?: unknown): Promise<unknown>;
  onNotification(callback: Notified): () => void;
  offNotification(callback: Notified): void;
}
