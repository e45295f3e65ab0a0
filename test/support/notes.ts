import type pg from 'pg';

/** A row of the table that {@link createNotes} makes: what was written, and under which context the server saw it. */
export interface Note {
  readonly body: string;
  readonly actor: string | null;
  readonly correlation: string | null;
}

/**
 * A table whose defaults show the settings that each row was written under: it tells what an
 * adapter carried to the server, without any trigger.
 */
export async function createNotes(admin: pg.Pool): Promise<void> {
  await admin.query(`
    create table notes (
      id bigint generated always as identity primary key,
      body text,
      actor text default (nullif(current_setting('threadline.actor_ref', true), '')::jsonb->>'id'),
      correlation text default (nullif(current_setting('threadline.context', true), '')::jsonb->>'correlation_id'))`);
}

/** All rows in the order of their writing. */
export async function readNotes(admin: pg.Pool): Promise<readonly Note[]> {
  return (await admin.query('select body, actor, correlation from notes order by id')).rows;
}

/** Empties the table. */
export async function clearNotes(admin: pg.Pool): Promise<void> {
  await admin.query('truncate notes restart identity');
}
