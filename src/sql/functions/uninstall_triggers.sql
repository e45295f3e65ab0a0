-- Stops auditing several tables, named as in SQL; all of them or none. What was recorded stays.
CREATE OR REPLACE FUNCTION threadline_schema.uninstall_triggers(tables text[])
RETURNS TABLE (table_name text, has_changed boolean)
LANGUAGE sql VOLATILE
AS $function$
  SELECT name, threadline_schema.uninstall_trigger(threadline_schema.table_named(name, pg_catalog.to_regclass(name)))
  FROM pg_catalog.unnest(tables) AS name
$function$;
