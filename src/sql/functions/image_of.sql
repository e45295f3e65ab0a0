-- The image of a row of a table, of the record source, as an expression: what value_of makes of the columns that are
-- stored, with the placeholders in the place of what is masked. changed stands for the row of a query, not of a trigger.
CREATE OR REPLACE FUNCTION threadline_schema.image_of(target regclass, options jsonb, source text)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT concat(
    CASE
      WHEN bool_and(threadline_schema.has_trusted_parts(a.atttypid)) IS NOT FALSE THEN format(CASE source WHEN 'changed' THEN 'to_jsonb(%s.*)' ELSE 'to_jsonb(%s)' END, source)
      -- No function has more than 100 arguments.
      ELSE (
        SELECT string_agg(format('jsonb_build_object(%s)', pairs), ' || ' ORDER BY place)
        FROM (
          SELECT (c.attnum - 1) / 50, string_agg(
            format('%L, %s', c.attname, threadline_schema.value_of(source, c.attname, c.atttypid)), ', ' ORDER BY c.attnum
          )
          FROM pg_attribute c
          WHERE c.attrelid = target AND c.attnum > 0 AND NOT c.attisdropped
          GROUP BY 1
        ) part (place, pairs)
      )
    END,
    ' - ' || quote_literal((
      SELECT array_agg(name ORDER BY name) FROM (
        SELECT v.attname::text FROM pg_attribute v WHERE v.attrelid = target AND v.attgenerated = 'v' AND NOT v.attisdropped
        UNION
        SELECT jsonb_array_elements_text(options -> 'exclude')
      ) left_out (name)
    )) || '::text[]',
    ' || ' || quote_literal(nullif((options -> 'mask') - coalesce(
      array_agg(a.attname::text) FILTER (WHERE a.attgenerated = 'v'), '{}'
    ), '{}')) || '::jsonb'
  )
  FROM pg_attribute a
  WHERE a.attrelid = target AND a.attnum > 0 AND NOT a.attisdropped
$function$;
