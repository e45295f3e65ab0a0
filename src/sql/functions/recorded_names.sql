-- recorded_names(wanted_schema text, wanted_name text) RETURNS TABLE (table_schema, table_name, after_id, up_to_id)
--
-- The names under which the log holds the changes of a table, newest first, each with the range of ids in which it
-- was the table's: a name may have been another table's before, or may be since. A name that no table has now
-- stands for all that was recorded under it.
CREATE OR REPLACE FUNCTION threadline_schema.recorded_names(wanted_schema text, wanted_name text)
RETURNS TABLE (table_schema text, table_name text, after_id bigint, up_to_id bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
#variable_conflict use_column
BEGIN
  IF NOT EXISTS (SELECT FROM threadline_schema.table_renames) THEN
    RETURN QUERY SELECT wanted_schema, wanted_name, 0::bigint, 9223372036854775807;
    RETURN;
  END IF;
  RETURN QUERY
  WITH RECURSIVE life (schema, name, after_rename, up_to_rename, up_to_id) AS (
    SELECT wanted_schema COLLATE "C", wanted_name COLLATE "C", (
      SELECT max(r.id) FROM threadline_schema.table_renames r
      WHERE (r.former_schema, r.former_name) = (wanted_schema, wanted_name)
        AND EXISTS (
          SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relname = wanted_name AND n.nspname = wanted_schema
        )
    ), 9223372036854775807, 9223372036854775807
    UNION ALL
    SELECT former.former_schema, former.former_name, (
      SELECT max(r.id) FROM threadline_schema.table_renames r
      WHERE (r.former_schema, r.former_name) = (former.former_schema, former.former_name) AND r.id < former.id
    ), former.id, former.last_id
    FROM life
    CROSS JOIN LATERAL (
      SELECT r.* FROM threadline_schema.table_renames r
      WHERE (r.table_schema, r.table_name) = (life.schema, life.name)
        AND r.id > coalesce(life.after_rename, 0) AND r.id < life.up_to_rename
      ORDER BY r.id DESC LIMIT 1
    ) former
  )
  SELECT
    life.schema, life.name,
    coalesce((SELECT r.last_id FROM threadline_schema.table_renames r WHERE r.id = life.after_rename), 0),
    life.up_to_id
  FROM life;
END
$function$;
