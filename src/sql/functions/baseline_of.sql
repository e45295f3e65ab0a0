-- The baseline of a table, begun or finished, under the name that the table has today; no row where there is none.
CREATE OR REPLACE FUNCTION threadline_schema.baseline_of(target regclass)
RETURNS SETOF threadline_schema.baselines
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT b.*
  FROM threadline_schema.baselines b
  JOIN pg_class c ON c.relname = b.table_name
  JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = b.table_schema
  WHERE c.oid = target
$function$;
