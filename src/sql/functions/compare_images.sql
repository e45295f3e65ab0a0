-- What a capture function finds out by the names of the columns, found out of two images and the catalog: slower, and
-- right for every row, also where the columns are no longer those that the function was written for. The options are
-- those of the table, known and is_lost what redacted takes.
CREATE OR REPLACE FUNCTION threadline_schema.compare_images(
  relation regclass,
  old_image jsonb,
  new_image jsonb,
  options jsonb,
  known jsonb,
  is_lost boolean DEFAULT false,
  OUT key jsonb,
  OUT key_before jsonb,
  OUT fields text[],
  OUT before jsonb,
  OUT after jsonb
)
LANGUAGE plpgsql STABLE
AS $function$
BEGIN
  before := threadline_schema.redacted(relation, old_image, options, known, is_lost);
  after := threadline_schema.redacted(relation, new_image, options, known, is_lost);
  -- Of the redacted images: a column that is not to be seen may have become one of the key.
  SELECT
    jsonb_object_agg(a.attname, CASE WHEN new_image IS NULL THEN before ELSE after END -> a.attname),
    jsonb_object_agg(a.attname, before -> a.attname)
      FILTER (WHERE old_image IS NOT NULL AND new_image IS NOT NULL)
  INTO key, key_before
  FROM pg_index i
  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])
  WHERE i.indrelid = coalesce(pg_partition_root(relation), relation) AND i.indisprimary;
  IF key_before::text = key::text THEN
    key_before := NULL;
  END IF;

  IF new_image IS NULL THEN
    after := NULL;
  ELSIF old_image IS NULL THEN
    before := NULL;
  ELSE
    -- As texts, since jsonb takes 1.0 and 1.00 for the same; as they were before anything was masked.
    SELECT coalesce(array_agg(name), '{}') INTO fields
    FROM jsonb_object_keys(before) name
    WHERE (old_image -> name)::text IS DISTINCT FROM (new_image -> name)::text;
    before := before - (SELECT coalesce(array_agg(name), '{}') FROM jsonb_object_keys(before) name WHERE name <> ALL (fields));
    IF options ->> 'images' = 'changed' AND key IS NOT NULL AND key_before IS NULL THEN
      after := after - (SELECT coalesce(array_agg(name), '{}') FROM jsonb_object_keys(after) name WHERE name <> ALL (fields));
    END IF;
  END IF;
END
$function$;
