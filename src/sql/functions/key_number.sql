-- The number that the key of a row is, of one column and whole, of at most 19 digits: its lowest 44 bits. NULL for any
-- other key. Equal keys (1 and 1.0) are the same number.
--
-- E'' means the same whatever standard_conforming_strings is. Without SET: see row_hash.
CREATE OR REPLACE FUNCTION threadline_schema.key_number(table_pk jsonb)
RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
  SELECT (((
    pg_catalog.substring(
      table_pk::pg_catalog.text COLLATE pg_catalog."C", E'^\\{"(?:[^"\\\\]|\\\\.)*": (-?[0-9]{1,19})(?:\\.0+)?\\}$'
    )::pg_catalog.numeric
    OPERATOR(pg_catalog.%) 17592186044416) OPERATOR(pg_catalog.+) 17592186044416) OPERATOR(pg_catalog.%) 17592186044416
  )::pg_catalog.int8
$function$;
