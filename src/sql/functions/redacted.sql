-- An image of a row of a table with the options of the table applied, whatever its columns are by now. known are the
-- columns of the time when the options were installed, each with its number in the catalog, which a new name does not
-- change: where one that is not to be seen is no longer there, or is_lost says that it once was not, it may have been
-- renamed, and what was not known then is not shown either.
CREATE OR REPLACE FUNCTION threadline_schema.redacted(
  relation regclass, image jsonb, options jsonb, known jsonb, is_lost boolean DEFAULT false
)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  WITH present (name, attnum) AS MATERIALIZED (
    SELECT a.attname::text, to_jsonb(a.attnum) FROM pg_attribute a
    WHERE a.attrelid = coalesce(pg_partition_root(relation), relation) AND a.attnum > 0 AND NOT a.attisdropped
  )
  SELECT coalesce(jsonb_object_agg(
    i.name,
    CASE
      WHEN options -> 'mask' ? i.name THEN options -> 'mask' -> i.name
      WHEN hidden.is_exposed AND (known -> i.name = p.attnum) IS NOT TRUE THEN '"[REDACTED]"'
      ELSE i.value
    END
  ), '{}')
  FROM jsonb_each(image) i (name, value)
  LEFT JOIN present p ON p.name = i.name
  CROSS JOIN (
    SELECT is_lost OR EXISTS (
      SELECT FROM (
        SELECT jsonb_object_keys(options -> 'mask') UNION ALL SELECT jsonb_array_elements_text(options -> 'exclude')
      ) h (name)
      LEFT JOIN present p ON p.name = h.name
      WHERE (known -> h.name = p.attnum) IS NOT TRUE
    )
  ) hidden (is_exposed)
  WHERE NOT coalesce(options -> 'exclude' ? i.name, false)
$function$;
