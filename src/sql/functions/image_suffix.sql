-- What follows to_jsonb(row) in a capture function to make an image of it: minus the columns that are not stored,
-- with the placeholders in the place of what is masked. Empty for most tables.
CREATE OR REPLACE FUNCTION threadline_schema.image_suffix(target regclass, options jsonb)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT concat(
    (SELECT format(' - %L::text[]', array_agg(name ORDER BY name)) FROM (
      SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = target AND a.attgenerated = 'v' AND NOT a.attisdropped
      UNION
      SELECT jsonb_array_elements_text(options -> 'exclude')
    ) left_out (name) HAVING count(*) > 0),
    ' || ' || quote_literal(nullif((options -> 'mask') - ARRAY(
      SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = target AND a.attgenerated = 'v' AND NOT a.attisdropped
    ), '{}')) || '::jsonb'
  )
$function$;
