-- The part of row_hash that all rows of a table share: its upper 20 bits.
--
-- Without SET: see row_hash.
CREATE OR REPLACE FUNCTION threadline_schema.table_hash(table_schema text, table_name text)
RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
  SELECT pg_catalog.hashtextextended(table_schema OPERATOR(pg_catalog.||) '.' OPERATOR(pg_catalog.||) table_name, 0)
    OPERATOR(pg_catalog.&) -17592186044416
$function$;
