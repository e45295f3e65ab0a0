-- What audit_changes.row_hash holds for a row of a table, given its key as in table_pk; without a key, for the table.
-- It agrees with equality of keys (1 and 1.0), and is short where a key may be longer than an index entry can be.
--
-- The upper 20 bits are the table's, the others the row's: of a key that is a number, that number (see key_number); all
-- of them set without a key.
-- Rows that are written together then stand together in the index, however much it holds of other tables and rows, and
-- not each on a page of its own, which is seldom in memory and goes to the WAL as a whole after a checkpoint.
--
-- Capture functions know by its type whether a key is a number, and give it along. Without SET, so that the planner puts
-- the bodies in the place of each call.
CREATE OR REPLACE FUNCTION threadline_schema.row_hash(table_schema text, table_name text, table_pk jsonb, number bigint)
RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
  SELECT threadline_schema.table_hash(table_schema, table_name)
    OPERATOR(pg_catalog.|) coalesce(
      number, pg_catalog.jsonb_hash_extended(table_pk, 0) OPERATOR(pg_catalog.&) 17592186044415, 17592186044415
    )
$function$;

CREATE OR REPLACE FUNCTION threadline_schema.row_hash(table_schema text, table_name text, table_pk jsonb)
RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
  SELECT threadline_schema.row_hash(table_schema, table_name, table_pk, threadline_schema.key_number(table_pk))
$function$;
