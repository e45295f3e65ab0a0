/*
 * The parts of Knex that the adapter touches, as structural types. All of them are methods that
 * Knex's own dialects override, unchanged since Knex 3.0.
 */

/** A builder, raw statement or schema builder: does its work when it is awaited or streamed. */
export interface KnexBuilder {
  clone?(): KnexBuilder;
}

/** What Knex makes to execute one builder. */
export type KnexRunner = { [Name in 'run' | 'stream']: (...args: unknown[]) => unknown };

/** A connection as Knex's pool holds it: a client of `pg`, whose own connection is the one on the socket. */
export interface KnexConnection {
  readonly connection?: unknown;
}

/** Knex's dialect client: one for each Knex instance, and one for each transaction, made of the same class. */
export interface KnexClient {
  readonly driverName?: string;
  readonly transacting?: boolean;
  acquireConnection(): Promise<KnexConnection>;
  acquireRawConnection(): Promise<KnexConnection>;
  releaseConnection(connection: KnexConnection): Promise<unknown>;
  processPassedConnection(connection: KnexConnection | null | undefined): unknown;
  transaction(container: unknown, config?: { readonly connection?: KnexConnection }, outer?: unknown): unknown;
  queryBuilder(): KnexBuilder;
  schemaBuilder(): KnexBuilder;
  raw(...args: unknown[]): KnexBuilder;
  runner(builder: KnexBuilder): KnexRunner;
}

/** The class of a {@link KnexClient}. */
export type KnexClientClass = new (...args: never[]) => KnexClient;
