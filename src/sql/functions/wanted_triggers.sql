-- The triggers that audit one table, each with its definition in the words of pg_get_triggerdef.
--
-- Their names sort before those of the user's triggers, and PostgreSQL fires by name: what a user's trigger does
-- about a row is recorded after the row itself. They are enabled as usual, not ALWAYS: what logical replication
-- applies was recorded where it was written, and the log can be replicated along with the tables.
--
-- Row triggers of a partitioned table are inherited by its partitions. Those for TRUNCATE are not: each leaf has
-- its own.
CREATE OR REPLACE FUNCTION threadline_schema.wanted_triggers(target regclass, capture text, options jsonb)
RETURNS TABLE (relation regclass, name text, definition text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT
    on_relation,
    trigger_name,
    format(
      'CREATE TRIGGER %I AFTER %s ON %s FOR EACH %s EXECUTE FUNCTION %I.%I(''%s'')',
      trigger_name, event, on_relation, level, 'threadline_schema', called, replace(options::text, '''', '''''')
    )
  FROM (VALUES
    ('00_threadline_insert', 'INSERT', 'ROW', capture),
    ('00_threadline_update', 'UPDATE', 'ROW WHEN ((old.* *<> new.*))', capture),
    ('00_threadline_delete', 'DELETE', 'ROW', capture),
    ('00_threadline_truncate', 'TRUNCATE', 'STATEMENT', 'capture_truncate')
  ) wanted (trigger_name, event, level, called)
  CROSS JOIN LATERAL (
    SELECT target
    UNION
    SELECT relid FROM pg_partition_tree(target) WHERE event = 'TRUNCATE' AND isleaf
  ) relations (on_relation)
$function$;
