-- The triggers of this installation on a table and its partitions, without those that partitions inherit.
CREATE OR REPLACE FUNCTION threadline_schema.installed_triggers(target regclass)
RETURNS TABLE (relation regclass, name text)
LANGUAGE sql STABLE ROWS 5
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT t.tgrelid, t.tgname
  FROM pg_trigger t
  JOIN pg_proc p ON p.oid = t.tgfoid
  WHERE t.tgrelid = ANY (ARRAY(SELECT target UNION SELECT relid FROM pg_partition_tree(target)))
    AND t.tgparentid = 0 AND p.pronamespace = quote_ident('threadline_schema')::regnamespace
$function$;
