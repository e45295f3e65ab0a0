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
-- See follow_schema_changes.
SET jit = off
SET quote_all_identifiers = off
AS $function$
DECLARE
  normal jsonb;
  former jsonb;
  has_changed boolean;
  parent record;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('threadline ' || 'threadline_schema', 0));
  PERFORM threadline_schema.check_auditable(target);
  SELECT a.options INTO former FROM threadline_schema.audited_tables a WHERE a.relation = target;
  IF options IS NULL AND threadline_schema.lose_hidden(target, former) THEN
    RAISE EXCEPTION USING ERRCODE = 'TL006',
      MESSAGE = format('Threadline: options of %s: one of the columns that are not to be seen may have been renamed', target),
      HINT = 'Give the options anew, with the columns as they are called now.';
  END IF;
  normal := threadline_schema.table_options(target, coalesce(options, former, '{}'));
  IF former <> normal THEN
    PERFORM threadline_schema.record_action('audit.options_changed', jsonb_build_object('meta', jsonb_build_object(
      'table', target::text, 'before', former, 'after', normal
    )));
  END IF;
  has_changed := threadline_schema.write_triggers(target, normal, true);
  -- Tables that this one inherits from and that were captured by the statement until now: rows of this one would be recorded
  -- under both names. Where there is an event trigger, it has seen to that.
  FOR parent IN
    WITH RECURSIVE ancestors (relation) AS (
      SELECT i.inhparent FROM pg_inherits i WHERE i.inhrelid = target
      UNION SELECT i.inhparent FROM pg_inherits i JOIN ancestors a ON i.inhrelid = a.relation
    )
    SELECT t.relation, t.options FROM ancestors a JOIN threadline_schema.audited_tables t ON t.relation = a.relation
  LOOP
    -- One whose options name a column that is gone goes on hiding what its function does not know.
    PERFORM threadline_schema.lose_hidden(parent.relation, parent.options);
    CONTINUE WHEN threadline_schema.lose_hidden(parent.relation, parent.options);
    has_changed := threadline_schema.write_triggers(parent.relation, parent.options, false) OR has_changed;
  END LOOP;
  RETURN has_changed;
END
$function$;
