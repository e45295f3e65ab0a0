-- What to read the rows from that are recorded as a table's: those of its partitions, and none of its children.
CREATE OR REPLACE FUNCTION threadline_schema.own_rows(target regclass)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT CASE WHEN c.relkind = 'p' THEN '' ELSE 'ONLY ' END || target FROM pg_class c WHERE c.oid = target
$function$;
