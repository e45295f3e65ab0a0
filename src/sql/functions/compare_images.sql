-- What a capture function finds out by the names of the columns, found out of two images and the catalog: slower, and
-- right for every row, also where the columns are no longer those that the function was written for.
CREATE OR REPLACE FUNCTION threadline_schema.compare_images(
  relation regclass,
  old_image jsonb,
  new_image jsonb,
  OUT key jsonb,
  OUT key_before jsonb,
  OUT fields text[],
  OUT before jsonb,
  OUT after jsonb
)
LANGUAGE plpgsql STABLE
AS $function$
BEGIN
  before := old_image;
  after := new_image;

  SELECT
    jsonb_object_agg(a.attname, coalesce(after, before) -> a.attname),
    jsonb_object_agg(a.attname, before -> a.attname)
  INTO key, key_before
  FROM pg_index i
  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])
  WHERE i.indrelid = relation AND i.indisprimary;
  IF before IS NULL OR after IS NULL OR key_before::text = key::text THEN
    key_before := NULL;
  END IF;

  IF before IS NOT NULL AND after IS NOT NULL THEN
    -- As texts, since jsonb takes 1.0 and 1.00 for the same.
    SELECT coalesce(jsonb_object_agg(o.key, o.value), '{}'), coalesce(array_agg(o.key), '{}') INTO before, fields
    FROM jsonb_each(before) o
    WHERE o.value::text IS DISTINCT FROM (after -> o.key)::text;
  END IF;
END
$function$;
