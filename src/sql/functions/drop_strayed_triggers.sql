-- Drops the TRUNCATE triggers that partitions kept when they were detached from a table that is audited, or went with
-- one whose audit ended. Looks at every trigger of this kind that there is: for once a call, not once a table. Returns
-- whether there was one.
CREATE OR REPLACE FUNCTION threadline_schema.drop_strayed_triggers()
RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $function$
DECLARE
  strayed record;
  has_changed boolean := false;
BEGIN
  FOR strayed IN
    SELECT t.tgrelid::regclass AS relation, t.tgname AS name
    FROM pg_trigger t
    JOIN pg_proc p ON p.oid = t.tgfoid
    WHERE p.proname = 'capture_truncate' AND p.pronamespace = quote_ident('threadline_schema')::regnamespace
      AND NOT EXISTS (
        SELECT FROM threadline_schema.audited_tables a WHERE a.relation = coalesce(pg_partition_root(t.tgrelid), t.tgrelid)
      )
  LOOP
    EXECUTE format('DROP TRIGGER %I ON %s', strayed.name, strayed.relation);
    has_changed := true;
  END LOOP;
  RETURN has_changed;
END
$function$;
