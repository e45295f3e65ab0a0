-- The changes of a table after an id that count for the rows it has: a TRUNCATE of the table ends everything before it,
-- that of a partition what happened in the partition. Those made under former names of the table included.
CREATE OR REPLACE FUNCTION threadline_schema.standing_changes(target regclass, after_id bigint)
RETURNS SETOF threadline_schema.audit_changes
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  WITH change AS MATERIALIZED (
    SELECT c.*
    FROM pg_class r
    JOIN pg_namespace n ON n.oid = r.relnamespace
    CROSS JOIN LATERAL threadline_schema.recorded_names(n.nspname, r.relname) own
    JOIN threadline_schema.audit_changes c ON c.table_name = own.table_name AND c.table_schema = own.table_schema
      AND c.id > own.after_id AND c.id <= own.up_to_id AND c.id > $2
    WHERE r.oid = target
  ), ended AS MATERIALIZED (
    -- One row for each that was truncated: whatever the plan, a change meets few of them.
    SELECT t.partition_name, max(t.id) AS id FROM change t WHERE t.op = 'truncate' GROUP BY t.partition_name
  )
  SELECT c.*
  FROM change c
  WHERE NOT EXISTS (
    SELECT FROM ended e WHERE e.id >= c.id AND (e.partition_name = c.partition_name OR e.partition_name IS NULL)
  )
$function$;
