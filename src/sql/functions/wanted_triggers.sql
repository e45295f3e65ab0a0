-- The triggers that audit one table, each with its definition in the words of pg_get_triggerdef.
--
-- Their names sort before those of the user's triggers, and PostgreSQL fires by name: what a user's trigger does
-- about a row is recorded after the row itself. They are enabled as usual, not ALWAYS: what logical replication
-- applies was recorded where it was written, and the log can be replicated along with the tables.
--
-- Where all is captured by the row, it is one trigger: PostgreSQL compiles the function anew for each trigger of each
-- partition, and every connection keeps what it compiled.
--
-- Row triggers of a partitioned table are inherited by its partitions. Those for TRUNCATE are not: each leaf has
-- its own.
--
-- Where inserts and deletes are captured by the statement, a table must not be attached to another: a statement on
-- that one would write rows that nobody sees. PostgreSQL refuses it for a table with a row trigger that has a
-- transition table, which is all that 00_threadline_unattached is for. It is of DELETE, since looking at its condition costs
-- something, and tables are inserted into more often.
CREATE OR REPLACE FUNCTION threadline_schema.wanted_triggers(target regclass, capture text, options jsonb)
RETURNS TABLE (relation regclass, name text, definition text)
LANGUAGE sql STABLE ROWS 5
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $function$
  WITH way AS MATERIALIZED (SELECT threadline_schema.captures_by_statement(target) AS by_statement)
  SELECT
    on_relation,
    trigger_name,
    format(
      'CREATE TRIGGER %I %s ON %s %s EXECUTE FUNCTION %I.%I(''%s'')',
      trigger_name, event, on_relation, level, 'threadline_schema', called, replace(options::text, '''', '''''')
    )
  FROM (VALUES
    ('00_threadline_insert', 'AFTER INSERT', 'REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT', capture, true),
    ('00_threadline_delete', 'AFTER DELETE', 'REFERENCING OLD TABLE AS changed_rows FOR EACH STATEMENT', capture, true),
    ('00_threadline_unattached', 'AFTER DELETE', 'REFERENCING OLD TABLE AS changed_rows FOR EACH ROW WHEN (false)', capture, true),
    ('00_threadline_update', 'AFTER UPDATE', 'FOR EACH ROW', capture, true),
    ('00_threadline_change', 'AFTER INSERT OR DELETE OR UPDATE', 'FOR EACH ROW', capture, false),
    ('00_threadline_before_truncate', CASE WHEN options ->> 'truncate' IN ('rows', 'reject') THEN 'BEFORE TRUNCATE' END,
      'FOR EACH STATEMENT', 'capture_truncate', NULL),
    ('00_threadline_truncate', CASE WHEN options ->> 'truncate' IS DISTINCT FROM 'reject' THEN 'AFTER TRUNCATE' END,
      'FOR EACH STATEMENT', 'capture_truncate', NULL)
  ) wanted (trigger_name, event, level, called, by_statement)
  JOIN way ON coalesce(wanted.by_statement = way.by_statement, true)
  CROSS JOIN LATERAL (
    SELECT target
    UNION
    SELECT l.relid
    FROM pg_partition_tree(target) l
    JOIN pg_class c ON c.oid = l.relid
    -- Foreign tables have had triggers for TRUNCATE since PostgreSQL 16.
    WHERE called = 'capture_truncate' AND l.isleaf AND (c.relkind <> 'f' OR current_setting('server_version_num')::integer >= 160000)
  ) relations (on_relation)
  WHERE event IS NOT NULL
$function$;
