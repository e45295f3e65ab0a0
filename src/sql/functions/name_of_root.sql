-- The part of a capture function that finds out under which name the rows of a partitioned table are recorded: that
-- of the root, wherever the trigger fires. The name is written into the function, and read from the catalog where
-- it is no longer right.
CREATE OR REPLACE FUNCTION threadline_schema.name_of_root(target regclass)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $function$
  SELECT format(
    $body$
  IF pg_partition_root(TG_RELID)::text = %1$L THEN
    root_schema := %2$L;
    root_table := %3$L;
  ELSE
    SELECT n.nspname, c.relname INTO root_schema, root_table
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = pg_partition_root(TG_RELID);
  END IF;
$body$,
    target, n.nspname, c.relname
  )
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.oid = target
$function$;
