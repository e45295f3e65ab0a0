/** A row as the driver returns it, by column name. */
export type ResultRow = { readonly [column: string]: unknown };

/** How the suite wants a handle to be opened. */
export interface ConnectOptions {
  /** The largest number of connections. */
  readonly max: number;
  /** Whether the adapter is to be applied. Where it is false the driver must be as it comes, for comparison. */
  readonly attributed: boolean;
}

/**
 * How the suite reaches one driver. `Handle` is what an application holds (a pool, a Knex instance),
 * `Connection` what a transaction hands out. Everything below `transaction` is optional: what a
 * driver cannot express is left out, and the tests that need it are skipped and say so.
 *
 * Texts come with `$1`-style parameters, each used once and in order, and hold no `?`.
 */
export interface AdapterHarness<Handle, Connection = Handle> {
  readonly name: string;
  /** Opens a handle on the database at `url`. */
  connect(url: string, options: ConnectOptions): Handle | PromiseLike<Handle>;
  /** Closes a handle for good. */
  end(handle: Handle): unknown;
  /** Runs one statement at once and resolves to its rows; to anything at all where it returns none. */
  run(on: Handle | Connection, text: string, values: readonly string[]): PromiseLike<readonly ResultRow[]>;
  /** Runs `body` in a transaction: kept when it resolves, rolled back when it rejects. */
  transaction<T>(handle: Handle, body: (transaction: Connection) => Promise<T>): PromiseLike<T>;

  /** The same inside a transaction, by the driver's own savepoints. */
  nested?<T>(transaction: Connection, body: (transaction: Connection) => Promise<T>): PromiseLike<T>;
  /** A transaction that asks for the isolation level SERIALIZABLE in the driver's own way. */
  serializable?<T>(handle: Handle, body: (transaction: Connection) => Promise<T>): PromiseLike<T>;
  /** Runs `body` on one connection without opening a transaction. */
  session?<T>(handle: Handle, body: (connection: Connection) => Promise<T>): PromiseLike<T>;
  /** A query that is sent only when it is awaited. */
  lazy?(on: Handle | Connection, text: string, values: readonly string[]): PromiseLike<unknown>;
  /** Runs a text of several statements. */
  script?(on: Handle | Connection, text: string): PromiseLike<unknown>;
  /** Runs one statement that the driver prepares on the server under `name`, and keeps there. */
  named?(on: Handle | Connection, name: string, text: string, values: readonly string[]): PromiseLike<unknown>;
  /** Runs one statement and calls back, from wherever the driver calls back. */
  callback?(on: Handle, text: string, values: readonly string[], done: (error: unknown) => void): void;
  /** Runs one statement and calls `onRow` for each row out of the driver's own event. */
  each?(on: Handle, text: string, onRow: () => void): PromiseLike<unknown>;
  /** Runs one COPY … FROM STDIN in the text format, with `data` as all that is copied in. */
  copyFrom?(on: Handle | Connection, text: string, data: string): PromiseLike<unknown>;
  /** The driver's own result of one statement, for the comparison with and without the adapter; default: the rows. */
  result?(on: Handle | Connection, text: string, values: readonly string[]): PromiseLike<unknown>;

  /** True where the database has one connection in all, as one that runs in the process has. */
  readonly singleConnection?: boolean;
  /** True where a handle is one connection, and not a pool that makes as many as `max` says. */
  readonly unpooled?: boolean;
  /**
   * Tests that this driver cannot pass, by their name, each with what its user must do instead. They
   * are run all the same and must fail: one that passes is reported, so that the list stays true.
   */
  readonly limits?: { readonly [test: string]: string };
}

/** The parts of a harness that a test may need. */
export type Capability =
  | 'nested'
  | 'serializable'
  | 'session'
  | 'lazy'
  | 'script'
  | 'named'
  | 'callback'
  | 'each'
  | 'copyFrom'
  | 'several connections'
  | 'pool';

/** A harness whose types the suite need not know. */
export type AnyHarness = AdapterHarness<unknown, unknown>;
