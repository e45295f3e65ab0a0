import assert from 'node:assert/strict';
import type pg from 'pg';

/** The settings under which images are made, whatever those of the session. */
const IMAGE_SETTINGS = `
  set local timezone = 'UTC'; set local datestyle = 'ISO, YMD'; set local intervalstyle = 'postgres';
  set local bytea_output = 'hex'; set local extra_float_digits = 1; set local lc_monetary = 'C'`;

/** Asserts that the log of a table, replayed, gives exactly the rows of the table; `note` goes into the failure. */
export async function assertReplays(pool: pg.Pool, table: string, note = ''): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('begin isolation level repeatable read');
    await client.query(IMAGE_SETTINGS);
    // A json document may be none that jsonb takes; row_image has what the log holds then.
    const { rows: json } = await client.query(
      `select from pg_attribute where attrelid = $1::regclass and atttypid = 'json'::regtype`,
      [table],
    );
    const image = json.length > 0 ? 'threadline.row_image(r.*)' : 'pg_catalog.to_jsonb(r.*)';
    const { rows } = await client.query(
      `with actual as (
         select ${image}::text as image, count(*) as copies from ${table} r group by 1
       ), told as (
         select image::text as image, copies from threadline.replay($1::regclass)
       )
       select coalesce(actual.image, told.image) as image, actual.copies as "inTable", told.copies as "inLog"
       from actual full join told using (image)
       where actual.copies is distinct from told.copies`,
      [table],
    );
    assert.deepEqual(rows, [], `the log of ${table} does not give its rows ${note}`);
    await assertFound(client, table, note);
  } finally {
    await client.query('rollback');
    client.release();
  }
}

/** Asserts that the changes of a table stand in the index where history looks for them; `note` goes into the failure. */
export async function assertFound(client: pg.ClientBase | pg.Pool, table: string, note = ''): Promise<void> {
  const { rows } = await client.query(
    `select c.id, c.op, c.table_pk
     from threadline.audit_changes c
     where c.table_name = (select relname from pg_class where oid = $1::regclass)
       and c.row_hash is distinct from threadline.row_hash(c.table_schema, c.table_name, c.table_pk)`,
    [table],
  );
  assert.deepEqual(rows, [], `changes of ${table} have a row_hash that is not that of their key ${note}`);
}
