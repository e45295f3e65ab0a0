-- What is wrong with the columns that the options of a table name, or NULL: one that the table does not have, one in
-- two lists, a column of the key that would not be stored as it is, or whose change would not be.
CREATE OR REPLACE FUNCTION threadline_schema.problem_of_columns(target regclass, options jsonb)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  WITH named (list, name) AS (
    SELECT list, jsonb_array_elements_text(options -> list) FROM unnest('{exclude,ignore}'::text[]) list
    UNION ALL
    SELECT 'mask', jsonb_object_keys(options -> 'mask')
  ), named_once (name, lists, is_column, is_key) AS (
    SELECT
      n.name,
      array_agg(n.list ORDER BY n.list),
      bool_or(a.attnum IS NOT NULL),
      bool_or(a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1]))
    FROM named n
    LEFT JOIN pg_attribute a ON a.attrelid = target AND a.attname = n.name AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_index i ON i.indrelid = target AND i.indisprimary
    GROUP BY n.name
  )
  SELECT string_agg(
    CASE
      WHEN NOT is_column THEN format('there is no column %s (%s)', quote_ident(name), array_to_string(lists, ', '))
      WHEN lists[2] IS NOT NULL THEN format('%s is in two lists (%s)', quote_ident(name), array_to_string(lists, ', '))
      ELSE format('%s is a column of the key, which is stored with every change (%s)', quote_ident(name), lists[1])
    END,
    '; ' ORDER BY name
  )
  FROM named_once
  WHERE NOT is_column OR lists[2] IS NOT NULL OR is_key
$function$;
