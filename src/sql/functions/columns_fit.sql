-- A condition on a row of a table, called changed here, that fails to be parsed once one of the columns has another name
-- or an unlike type. The planner finds it to be true, so that it costs nothing where a row is looked at; and since no
-- arm of CASE is taken, it makes no NULL of a domain that allows none. Neither is the other expression evaluated, which
-- may be NULL: it fails to be parsed where it no longer can be.
CREATE OR REPLACE FUNCTION threadline_schema.columns_fit(target regclass, expression text)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $function$
  SELECT format(
    'num_nulls(NULL%s%s) > 0',
    string_agg(
      format(', CASE WHEN false THEN changed.%I WHEN false THEN NULL::%s END', a.attname, a.atttypid::regtype), '' ORDER BY a.attnum
    ),
    ', CASE WHEN false THEN ' || expression || ' END'
  )
  FROM pg_attribute a
  WHERE a.attrelid = target AND a.attnum > 0 AND NOT a.attisdropped
$function$;
