-- Writes the capture function and the triggers of one table, whose options are in their normal form, wherever they are
-- not as they should be. Returns whether it changed anything. A trigger that was disabled stays so, unless is_mending.
CREATE OR REPLACE FUNCTION threadline_schema.write_triggers(target regclass, options jsonb, is_mending boolean)
RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $function$
DECLARE
  capture constant text := threadline_schema.capture_function(target);
  is_new constant boolean := NOT EXISTS (SELECT FROM threadline_schema.audited_tables a WHERE a.relation = target);
  has_changed boolean;
  obsolete record;
  wanted record;
BEGIN
  has_changed := threadline_schema.write_capture_function(capture, target, options);
  PERFORM threadline_schema.note_name(target, capture, is_new);
  IF is_new THEN
    -- What updates are to store depends on the baseline, and that of an earlier time has just been forgotten.
    PERFORM threadline_schema.write_capture_function(capture, target, options);
  END IF;
  FOR wanted IN SELECT * FROM threadline_schema.wanted_triggers(target, capture, options) LOOP
    has_changed := threadline_schema.ensure_trigger(wanted.relation, wanted.name, wanted.definition, is_mending) OR has_changed;
  END LOOP;
  FOR obsolete IN
    SELECT i.relation, i.name FROM threadline_schema.installed_triggers(target) i
    EXCEPT SELECT w.relation, w.name FROM threadline_schema.wanted_triggers(target, capture, options) w
  LOOP
    EXECUTE format('DROP TRIGGER %I ON %s', obsolete.name, obsolete.relation);
    has_changed := true;
  END LOOP;
  IF (SELECT c.relkind = 'p' FROM pg_class c WHERE c.oid = target) THEN
    has_changed := threadline_schema.drop_strayed_triggers() OR has_changed;
  END IF;
  RETURN has_changed;
END
$function$;
