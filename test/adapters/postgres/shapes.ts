import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ISql } from 'postgres';
import { actor, runWithActor } from '../../../src/index.ts';

/** Whatever tagged queries can be written with. */
export type AnySql = ISql;

export const as = <T>(name: string, fn: () => PromiseLike<T>): Promise<T> => runWithActor(actor.user(name), fn);

const file = join(tmpdir(), `threadline-insert-${process.pid}.sql`);
await writeFile(file, 'insert into notes (body) values ($1)');

/** Writes one row. */
export type Insert = (sql: AnySql, body: string) => PromiseLike<unknown>;

/** Every way to write one row, on a pool, in a transaction or on a reserved connection. */
export const INSERTS: Readonly<Record<string, Insert>> = {
  'a tagged query': (sql, body) => sql`insert into notes (body) values (${body})`,
  'a tagged query with RETURNING': (sql, body) => sql`insert into notes (body) values (${body}) returning id`,
  'a tagged query without parameters': (sql, body) => sql`insert into notes (body) values ('${sql.unsafe(body)}')`,
  'the insert helper': (sql, body) => sql`insert into notes ${sql([{ body }])}`,
  'nested fragments': (sql, body) =>
    sql`insert into ${sql('notes')} (body) ${sql`select ${body}::text ${sql`where ${true}`}`}`,
  simple: (sql, body) => sql`insert into notes (body) values ('${sql.unsafe(body)}')`.simple(),
  unsafe: (sql, body) => sql.unsafe(`insert into notes (body) values ('${body}')`),
  'unsafe with parameters': (sql, body) => sql.unsafe('insert into notes (body) values ($1)', [body]),
  'unsafe, prepared': (sql, body) => sql.unsafe('insert into notes (body) values ($1)', [body], { prepare: true }),
  file: (sql, body) => sql.file(file, [body]),
  'values()': (sql, body) => sql`insert into notes (body) values (${body}) returning id`.values(),
  'raw()': (sql, body) => sql`insert into notes (body) values (${body}) returning id`.raw(),
  'execute()': (sql, body) => sql`insert into notes (body) values (${body})`.execute(),
  'then()': (sql, body) => sql`insert into notes (body) values (${body})`.then((rows) => rows),
  'catch()': (sql, body) => sql`insert into notes (body) values (${body})`.catch(() => {}),
  'finally()': (sql, body) => sql`insert into notes (body) values (${body})`.finally(() => {}),
  'forEach()': (sql, body) => sql`insert into notes (body) values (${body}) returning id`.forEach(() => {}),
  'a cursor with a callback': (sql, body) =>
    sql`insert into notes (body) values (${body}) returning id`.cursor(1, () => {}),
  'a cursor to iterate': async (sql, body) => {
    for await (const _rows of sql`insert into notes (body) values (${body}) returning id`.cursor()) void 0;
  },
  'a WITH clause that writes': (sql, body) =>
    sql`with made as (insert into notes (body) values (${body}) returning id) select * from made`,
  'a DO block': (sql, body) => sql.unsafe(`do $$ begin insert into notes (body) values ('${body}'); end $$`),
  'a text of several statements': (sql, body) =>
    sql.unsafe(`select 1; insert into notes (body) values ('${body}'); select 2`),
  'a text with a transaction in it': (sql, body) =>
    sql.unsafe(`savepoint s; insert into notes (body) values ('${body}'); release s`),
  COPY: async (sql, body) => {
    const stream = await sql`copy notes (body) from stdin`.writable();
    stream.end(`${body}\n`);
    await once(stream, 'finish');
  },
};

/** All shapes that work on a pool. */
export const INSERTS_ON_POOL: readonly (readonly [name: string, insert: Insert])[] = Object.entries(INSERTS).filter(
  ([name]) => name !== 'a text with a transaction in it',
);

/** Those that may be issued while another query is under way: rows that are copied in are taken for another query. */
export const PIPELINED: readonly (readonly [name: string, insert: Insert])[] = INSERTS_ON_POOL.filter(
  ([name]) => name !== 'COPY',
);

/** The options of a pool on a database of the tests. */
export function quiet<Options extends object>(options: Options): Options & { onnotice: () => void } {
  return { ...options, onnotice: () => {} };
}

/** Ends the connection of a pool of one, and waits for the next: the driver may report the end to the query behind it. */
export async function reconnect(sql: AnySql): Promise<void> {
  await Promise.allSettled([sql`select pg_terminate_backend(pg_backend_pid())`]);
  await revive(sql);
}

/** Waits until a pool whose connection was lost serves again. */
export async function revive(sql: AnySql): Promise<void> {
  for (let time = 0; time < 5; time += 1) {
    const [{ status }] = await Promise.allSettled([sql`select 1`]);
    if (status === 'fulfilled') return;
  }
  throw new Error('the pool does not serve any more');
}
