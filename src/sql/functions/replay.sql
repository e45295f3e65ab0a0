-- replay(target regclass) RETURNS TABLE (image jsonb, copies bigint)
--
-- The rows of a table as the log alone tells them, for a table that was empty when its audit began: each image, as
-- to_jsonb makes it of a row, with the number of rows that look like it. Equal to the table, unless rows came or
-- went unseen; where copies is negative, a row went that the log never saw come.
--
-- An update takes the image from before it away and adds the one from after it. Counting images instead of following
-- keys is right for tables without a key, for statements that swap keys, and whatever the order within a statement.
CREATE OR REPLACE FUNCTION threadline_schema.replay(target regclass)
RETURNS TABLE (image jsonb, copies bigint)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  WITH change AS (
    SELECT c.*
    FROM threadline_schema.audit_changes c
    JOIN pg_class r ON r.relname = c.table_name
    JOIN pg_namespace n ON n.oid = r.relnamespace AND n.nspname = c.table_schema
    WHERE r.oid = target
  ), standing AS (
    -- A TRUNCATE of the table ends everything before it, that of a partition what happened in the partition.
    SELECT c.*
    FROM change c
    WHERE c.id > coalesce((SELECT max(t.id) FROM change t WHERE t.op = 'truncate' AND t.partition_name IS NULL), 0)
      AND NOT EXISTS (
        SELECT FROM change t WHERE t.op = 'truncate' AND t.partition_name = c.partition_name AND t.id >= c.id
      )
  ), step (image, copies) AS (
    SELECT data_after, 1 FROM standing WHERE op IN ('insert', 'update')
    UNION ALL
    SELECT data_after || changed_from, -1 FROM standing WHERE op = 'update'
    UNION ALL
    SELECT changed_from, -1 FROM standing WHERE op = 'delete'
  )
  -- As texts, since jsonb takes 1.0 and 1.00 for the same.
  SELECT step.image::text::jsonb, sum(step.copies)
  FROM step
  GROUP BY step.image::text
  HAVING sum(step.copies) <> 0
$function$;
