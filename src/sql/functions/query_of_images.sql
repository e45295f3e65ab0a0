-- The query for the images of the rows of a transition table, changed_rows, as the table is now. It names no type and no
-- table: the owner of the log need not have the right to use the schema that they are in.
CREATE OR REPLACE FUNCTION threadline_schema.query_of_images(relation oid)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT format('SELECT %s FROM changed_rows changed', coalesce(string_agg(format('jsonb_build_object(%s)', pairs), ' || ' ORDER BY place), '''{}''::jsonb'))
  FROM (
    -- No function has more than 100 arguments.
    SELECT a.attnum / 50, string_agg(
      format('%L, %I.value_image(%s)', a.attname, 'threadline_schema', threadline_schema.value_of('changed', a.attname, a.atttypid)), ', ' ORDER BY a.attnum
    )
    FROM pg_attribute a
    WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated <> 'v'
    GROUP BY 1
  ) part (place, pairs)
$function$;
