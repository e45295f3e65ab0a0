-- The image of a row of a table, of the record source, as an expression: to_jsonb of it, or where not every column is
-- stored as it is, column by column, so that nothing is done with what is left out, however large. changed stands for the
-- row of a query, not of a trigger.
CREATE OR REPLACE FUNCTION threadline_schema.image_of(target regclass, options jsonb, source text)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  WITH stored AS (
    SELECT
      a.attnum, a.attname AS name, a.attgenerated = 'v' OR coalesce(options -> 'exclude' ? a.attname, false) AS is_left_out,
      options -> 'mask' ->> a.attname AS placeholder,
      format('%s.%I', source, a.attname) AS column,
      threadline_schema.value_of(source, a.attname, a.atttypid) AS value
    FROM pg_attribute a
    WHERE a.attrelid = target AND a.attnum > 0 AND NOT a.attisdropped
  )
  SELECT CASE
    WHEN NOT EXISTS (SELECT FROM stored s WHERE s.is_left_out OR s.placeholder IS NOT NULL OR s.value <> s.column)
    THEN format(CASE source WHEN 'changed' THEN 'to_jsonb(%s.*)' ELSE 'to_jsonb(%s)' END, source)
    ELSE coalesce((
      SELECT string_agg(format('jsonb_build_object(%s)', pairs), ' || ' ORDER BY place)
      FROM (
        -- No function has more than 100 arguments.
        SELECT s.attnum / 50, string_agg(format('%L, %s', s.name, coalesce(quote_literal(s.placeholder) || '::text', s.value)), ', ' ORDER BY s.attnum)
        FROM stored s
        WHERE NOT s.is_left_out
        GROUP BY 1
      ) part (place, pairs)
    ), '''{}''::jsonb')
  END
$function$;
