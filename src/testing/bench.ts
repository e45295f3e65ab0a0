import assert from 'node:assert/strict';
import { actor } from '../core/actor.ts';
import { runWithContext } from '../core/store.ts';
import type { AnyHarness, Capability, ResultRow } from './harness.ts';

/** One test of the suite: a sentence, what it needs of the harness, and how it is shown. */
export interface ConformanceTest {
  readonly name: string;
  readonly needs?: readonly Capability[];
  run(bench: Bench): Promise<void>;
}

/** What a row of the suite's table says about the write that made it. */
export interface Write {
  readonly label: string;
  readonly actor: string | null;
  readonly correlation: string | null;
}

/** What a test works with. Handles that it opens are closed behind it. */
export interface Bench {
  readonly harness: AnyHarness;
  readonly seed: number;
  readonly statements: number;
  /** A handle with the adapter; `max` connections, 2 unless told. */
  open(max?: number): Promise<unknown>;
  /** A handle of the driver as it comes. */
  openRaw(max?: number): Promise<unknown>;
  /** Runs a statement on a raw handle, outside of any context. */
  admin(text: string, values?: readonly string[]): Promise<readonly ResultRow[]>;
  /** A line for the test's report. */
  note(text: string): void;
}

/** Runs `fn` as user `id`, with a correlation id of the same name. */
export function as<T>(id: string, fn: () => PromiseLike<T>): Promise<T> {
  return runWithContext({ actor: actor.user(id), correlationId: `c-${id}` }, async () => await fn());
}

export const INSERT = 'insert into conformance.writes (label) values ($1) returning label';

/** Writes one row named `label`. */
export async function write({ harness }: Bench, on: unknown, label: string): Promise<void> {
  await harness.run(on, INSERT, [label]);
}

/** Opens a connection in a context of its own, whose traces later statements must not show. */
export async function warm({ harness }: Bench, handle: unknown): Promise<void> {
  await as('warm', () => harness.run(handle, 'select 1 as one', []));
}

const WRITES =
  "select label, actor ->> 'id' as actor, context ->> 'correlation_id' as correlation from conformance.writes order by id";

/** What was written so far, oldest first; asked through `handle` where that has a database of its own. */
export async function writes(bench: Bench, handle?: unknown): Promise<readonly Write[]> {
  const rows = await (handle === undefined ? bench.admin(WRITES) : bench.harness.run(handle, WRITES, []));
  return rows as unknown as readonly Write[];
}

/** Asserts that exactly these rows were written, each by this actor (`null` for nobody) under its correlation id. */
export async function expectWrites(
  bench: Bench,
  expected: Readonly<Record<string, string | null>>,
  message?: string,
): Promise<void> {
  const found = (await writes(bench)).map(({ label, actor: id, correlation }) => [label, id, correlation]);
  const wanted = Object.entries(expected).map(([label, id]) => [label, id, id === null ? null : `c-${id}`]);
  assert.deepEqual(found.sort(), wanted.sort(), message);
}

/** What the suite keeps in the database; all of it in a schema of its own. */
export const SCHEMA: readonly string[] = [
  'drop schema if exists conformance cascade',
  'create schema conformance',
  `create table conformance.writes (
     id bigint generated always as identity primary key,
     label text not null,
     actor jsonb default nullif(pg_catalog.current_setting('threadline.actor_ref', true), '')::jsonb,
     context jsonb default nullif(pg_catalog.current_setting('threadline.context', true), '')::jsonb
   )`,
  'create table conformance.parents (id int primary key)',
  `create table conformance.children (
     parent int references conformance.parents deferrable initially deferred
   )`,
  'create table conformance.strict (label text primary key check (length(label) < 10), number int not null default 0)',
  "insert into conformance.strict (label) values ('taken')",
  `create function conformance.write(label text) returns text language sql volatile as
     'insert into conformance.writes (label) values (label) returning label'`,
  `create function conformance.refuse() returns int language plpgsql as
     $$ begin raise exception 'refused' using errcode = 'P4242', hint = 'a hint', detail = 'a detail'; end $$`,
  `create procedure conformance.write_procedure(label text) language sql as
     'insert into conformance.writes (label) values (label)'`,
  `create procedure conformance.commit_between() language plpgsql as
     $$ begin
       insert into conformance.writes (label) values ('before');
       commit;
       insert into conformance.writes (label) values ('after');
     end $$`,
  `create function conformance.note_late() returns trigger language plpgsql as
     $$ begin insert into conformance.writes (label) values ('late'); return null; end $$`,
  'create table conformance.watched (label text primary key)',
  `create function conformance.note_operation() returns trigger language plpgsql as
     $$ begin insert into conformance.writes (label) values (lower(tg_op)); return null; end $$`,
  `create trigger noted after insert or update or delete or truncate on conformance.watched
     for each statement execute function conformance.note_operation()`,
  'create table conformance.slow (label text)',
  `create constraint trigger late after insert on conformance.slow deferrable initially deferred
     for each row execute function conformance.note_late()`,
];
