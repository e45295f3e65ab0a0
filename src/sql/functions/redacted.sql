-- An image with the options of its table applied, whatever the columns are by now. known are the columns of the time
-- when the options were installed: where one that is not to be seen is no longer there, it may have been renamed,
-- and what was not known then is not shown either.
CREATE OR REPLACE FUNCTION threadline_schema.redacted(image jsonb, options jsonb, known text[])
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT coalesce(jsonb_object_agg(
    name,
    CASE
      WHEN options -> 'mask' ? name THEN options -> 'mask' -> name
      WHEN is_exposed AND name <> ALL (known) THEN '"[REDACTED]"'
      ELSE value
    END
  ), '{}')
  FROM jsonb_each(image) i (name, value)
  CROSS JOIN (
    SELECT EXISTS (
      SELECT jsonb_object_keys(options -> 'mask') UNION ALL SELECT jsonb_array_elements_text(options -> 'exclude')
      EXCEPT SELECT jsonb_object_keys(image)
    )
  ) hidden (is_exposed)
  WHERE NOT coalesce(options -> 'exclude' ? name, false)
$function$;
