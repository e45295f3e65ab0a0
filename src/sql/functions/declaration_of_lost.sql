-- The line of a capture function that says whether a column that is not to be seen may have been renamed since the options
-- named it: follow_schema_changes sets it, installTriggers takes it back.
CREATE OR REPLACE FUNCTION threadline_schema.declaration_of_lost(is_lost boolean)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT format('is_lost constant boolean := %s;', is_lost::text)
$function$;
