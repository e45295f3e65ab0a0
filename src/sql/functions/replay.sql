-- replay(target regclass) RETURNS TABLE (image jsonb, copies bigint)
--
-- The rows of a table as the log alone tells them, for a table that was empty when its audit began, or whose baseline
-- is finished: each image, as to_jsonb makes it of a row, with the number of rows that look like it. Equal to the
-- table, unless rows came or went unseen; where copies is negative, a row went that the log never saw come.
--
-- An update takes the image from before it away and adds the one from after it. Counting images instead of following
-- keys is right for tables without a key, for statements that swap keys, and whatever the order within a statement. Only
-- the changes of a key of which the log has updates with the changed columns alone are folded one after the other: see fold_changes.
CREATE OR REPLACE FUNCTION threadline_schema.replay(target regclass)
RETURNS TABLE (image jsonb, copies bigint)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  WITH standing AS (
    SELECT c.*
    FROM threadline_schema.standing_changes(target, coalesce((
      SELECT b.start_id FROM threadline_schema.baseline_of(target) b WHERE b.finished_at IS NOT NULL
    ), 0)) c
  ), step (id, key, gone, come, is_partial) AS (
    SELECT id, table_pk, NULL, data_after, false FROM standing WHERE op IN ('insert', 'baseline')
    UNION ALL
    SELECT id, table_pk, changed_from, NULL, false FROM standing WHERE op = 'delete'
    UNION ALL
    SELECT id, table_pk_before, data_after || changed_from, NULL, false FROM standing WHERE table_pk_before IS NOT NULL
    UNION ALL
    SELECT id, table_pk, NULL, data_after, false FROM standing WHERE table_pk_before IS NOT NULL
    UNION ALL
    SELECT
      id, table_pk, CASE WHEN is_partial THEN changed_from ELSE data_after || changed_from END, data_after, is_partial
    FROM standing
    CROSS JOIN LATERAL (SELECT coalesce(NOT data_after @> table_pk, false)) image (is_partial)
    WHERE op = 'update' AND table_pk_before IS NULL
  ), folded (key) AS MATERIALIZED (
    SELECT DISTINCT key FROM step WHERE is_partial
  ), counted (image, copies) AS (
    SELECT s.come, 1 FROM step s LEFT JOIN folded f USING (key) WHERE s.come IS NOT NULL AND f.key IS NULL
    UNION ALL
    SELECT s.gone, -1 FROM step s LEFT JOIN folded f USING (key) WHERE s.gone IS NOT NULL AND f.key IS NULL
    UNION ALL
    SELECT threadline_schema.fold_changes(s.key, array_agg(s.gone ORDER BY s.id), array_agg(s.come ORDER BY s.id)), 1
    FROM step s
    JOIN folded f USING (key)
    GROUP BY s.key
  )
  -- As texts, since jsonb takes 1.0 and 1.00 for the same.
  SELECT counted.image::text::jsonb, sum(counted.copies)
  FROM counted
  GROUP BY counted.image::text
  HAVING sum(counted.copies) <> 0
$function$;
