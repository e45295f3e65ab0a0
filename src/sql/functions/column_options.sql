-- The options of a table that name columns, in their normal form: sorted lists, mask as an object; none that is empty.
CREATE OR REPLACE FUNCTION threadline_schema.column_options(options jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT jsonb_strip_nulls(jsonb_build_object(
    'exclude', (SELECT jsonb_agg(DISTINCT name) FROM jsonb_array_elements(options -> 'exclude') name),
    'ignore', (SELECT jsonb_agg(DISTINCT name) FROM jsonb_array_elements(options -> 'ignore') name),
    'mask', CASE jsonb_typeof(options -> 'mask')
      WHEN 'object' THEN nullif(options -> 'mask', '{}')
      ELSE (SELECT jsonb_object_agg(name, '[REDACTED]') FROM jsonb_array_elements_text(options -> 'mask') name)
    END
  ))
$function$;
