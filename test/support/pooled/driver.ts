/** A pool of attributed connections, however it is made: what the workload of a pooler needs of it. */
export interface PooledDriver {
  /** Writes a note, the body as a parameter. */
  insert(body: string): PromiseLike<unknown>;
  /** Writes a note by a text without parameters. */
  insertText(body: string): PromiseLike<unknown>;
  /** Writes a note by a statement that stays prepared on the connection. */
  insertPrepared?(body: string): PromiseLike<unknown>;
  /** Writes two notes in one transaction. */
  transaction(body: string): PromiseLike<unknown>;
  end(): PromiseLike<unknown>;
}

/** What each of the drivers in this folder exports as `open`. */
export type OpenDriver = (url: string) => PooledDriver | Promise<PooledDriver>;

export const INSERT = 'insert into notes (body) values ($1)';

/** An insert without parameters. */
export function insertText(body: string): string {
  return `insert into notes (body) values ('${body}')`;
}
