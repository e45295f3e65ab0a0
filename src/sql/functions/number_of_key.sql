-- The number that a column is which alone is the key, as an expression over the record source: what key_number finds in
-- the key, found out of the column. NULL where it cannot be one, or there is no such column. & makes of an integer one
-- of eight bytes; of the NULL that a column may hold which no longer is the key it becomes what row_hash makes of it.
CREATE OR REPLACE FUNCTION threadline_schema.number_of_key(source text, name name, type oid, is_integer boolean, is_text boolean)
RETURNS text
LANGUAGE sql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT format(
    CASE
      WHEN is_integer THEN 'coalesce(%1$s.%2$I & 17592186044415, jsonb_hash_extended(%6$L, 0) & 17592186044415)'
      WHEN NOT is_text THEN '%4$s.key_number(jsonb_build_object(%3$L, %5$s))'
    END,
    source, name, name, quote_ident('threadline_schema'), threadline_schema.value_of(source, name, type), jsonb_build_object(name, NULL)
  )
$function$;
