-- What audit_changes.row_hash holds for a row of a table, given its key as in table_pk; without a key, for the table.
-- It agrees with equality of keys (1 and 1.0), and is short where a key may be longer than an index entry can be.
--
-- Without SET, so that the planner puts the body in the place of each call.
CREATE OR REPLACE FUNCTION threadline_schema.row_hash(table_schema text, table_name text, table_pk jsonb)
RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
  SELECT coalesce(
    pg_catalog.jsonb_hash_extended(
      table_pk, pg_catalog.hashtextextended(table_schema OPERATOR(pg_catalog.||) '.' OPERATOR(pg_catalog.||) table_name, 0)
    ),
    pg_catalog.hashtextextended(table_schema OPERATOR(pg_catalog.||) '.' OPERATOR(pg_catalog.||) table_name, 0)
  )
$function$;
