-- What the images of the rows of a table depend on, as one short text.
CREATE OR REPLACE FUNCTION threadline_schema.shape_of(target regclass, options jsonb)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT md5(concat(options - 'images', (
    SELECT string_agg(concat_ws(' ', quote_ident(c.name), a.atttypid, a.atttypmod, c.key_position), ', ' ORDER BY c.attnum)
    FROM threadline_schema.captured_columns(target, options) c
    JOIN pg_attribute a ON a.attrelid = target AND a.attnum = c.attnum
  )))
$function$;
