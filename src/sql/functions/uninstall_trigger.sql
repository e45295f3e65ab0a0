-- Stops auditing one table: its triggers and its capture function go, what was recorded stays. Returns whether
-- there was anything to remove.
CREATE OR REPLACE FUNCTION threadline_schema.uninstall_trigger(target regclass)
RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $function$
DECLARE
  capture text;
  installed record;
  has_changed boolean := false;
  former constant jsonb := (SELECT a.options FROM threadline_schema.audited_tables a WHERE a.relation = target);
BEGIN
  IF pg_partition_root(target) <> target THEN
    RAISE EXCEPTION USING ERRCODE = 'TL004',
      MESSAGE = format('Threadline: %s is a partition, which is audited by its partitioned table', target),
      HINT = format('Detach it, which ends its audit, or uninstall the triggers of %s: those of every partition.', pg_partition_root(target));
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('threadline ' || 'threadline_schema', 0));
  capture := threadline_schema.capture_function(target);
  FOR installed IN SELECT * FROM threadline_schema.installed_triggers(target) LOOP
    EXECUTE format('DROP TRIGGER %I ON %s', installed.name, installed.relation);
    has_changed := true;
  END LOOP;
  IF has_changed THEN
    PERFORM threadline_schema.record_action('audit.stopped', jsonb_build_object('meta', jsonb_build_object(
      'table', target::text, 'options', former
    )));
    EXECUTE format('DROP FUNCTION IF EXISTS %I.%I()', 'threadline_schema', capture);
  END IF;
  RETURN has_changed;
END
$function$;
