-- install_trigger(target regclass, options jsonb DEFAULT NULL) RETURNS boolean
--
-- Writes the capture function of one table out of the catalog, and the triggers that call it. Run again, it mends
-- what is not as it should be and leaves alone what is. Returns whether it changed anything.
--
-- Without options, the table keeps those that it has. They are described at table_options, and are the argument of the
-- triggers: there they follow the table when it is renamed, go with it when it is dropped, come back with it from a
-- dump, and \d shows them.
CREATE OR REPLACE FUNCTION threadline_schema.install_trigger(target regclass, options jsonb DEFAULT NULL)
RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET standard_conforming_strings = on
SET quote_all_identifiers = off
AS $function$
DECLARE
  capture text;
  has_changed boolean;
  normal jsonb;
  former jsonb;
  obsolete record;
  wanted record;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('threadline ' || 'threadline_schema', 0));
  PERFORM threadline_schema.check_auditable(target);
  SELECT a.options INTO former FROM threadline_schema.audited_tables a WHERE a.relation = target;
  normal := threadline_schema.table_options(target, coalesce(options, former, '{}'));
  IF former <> normal THEN
    PERFORM threadline_schema.record_action('audit.options_changed', jsonb_build_object('meta', jsonb_build_object(
      'table', target::text, 'before', former, 'after', normal
    )));
  END IF;

  capture := threadline_schema.capture_function(target);
  has_changed := threadline_schema.write_capture_function(capture, target, normal);
  FOR wanted IN SELECT * FROM threadline_schema.wanted_triggers(target, capture, normal) LOOP
    -- A trigger is replaced only where it differs: that locks the table against writes.
    IF NOT EXISTS (
      SELECT FROM pg_trigger t
      WHERE t.tgrelid = wanted.relation AND t.tgname = wanted.name AND t.tgenabled = 'O'
        AND pg_get_triggerdef(t.oid) = wanted.definition
    ) THEN
      EXECUTE overlay(wanted.definition PLACING 'CREATE OR REPLACE TRIGGER' FROM 1 FOR length('CREATE TRIGGER'));
      has_changed := true;
    END IF;
  END LOOP;
  FOR obsolete IN
    SELECT i.relation, i.name FROM threadline_schema.installed_triggers(target) i
    EXCEPT SELECT w.relation, w.name FROM threadline_schema.wanted_triggers(target, capture, normal) w
  LOOP
    EXECUTE format('DROP TRIGGER %I ON %s', obsolete.name, obsolete.relation);
    has_changed := true;
  END LOOP;
  RETURN has_changed;
END
$function$;
