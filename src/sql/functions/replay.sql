-- replay(target regclass) RETURNS TABLE (image jsonb, copies bigint)
--
-- The rows of a table as the log alone tells them, for a table that was empty when its audit began, or whose baseline
-- is finished: each image, as to_jsonb makes it of a row, with the number of rows that look like it. Equal to the
-- table, unless rows came or went unseen; where copies is negative, a row went that the log never saw come.
--
-- Not for a table whose updates stored the changed columns alone: that is an error.
--
-- An update takes the image from before it away and adds the one from after it. Counting images instead of following
-- keys is right for tables without a key, for statements that swap keys, and whatever the order within a statement.
CREATE OR REPLACE FUNCTION threadline_schema.replay(target regclass)
RETURNS TABLE (image jsonb, copies bigint)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  WITH standing AS (
    SELECT c.*
    FROM threadline_schema.standing_changes(target, coalesce((
      SELECT b.start_id
      FROM threadline_schema.baselines b
      JOIN pg_class r ON r.relname = b.table_name
      JOIN pg_namespace n ON n.oid = r.relnamespace AND n.nspname = b.table_schema
      WHERE r.oid = target AND b.finished_at IS NOT NULL
    ), 0)) c
  ), step (image, copies) AS (
    SELECT data_after, 1 FROM standing WHERE op IN ('insert', 'baseline')
    UNION ALL
    SELECT threadline_schema.whole_image(data_after, table_pk), 1 FROM standing WHERE op = 'update'
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
