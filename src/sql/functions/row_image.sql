-- The image of a row as to_jsonb makes it, column by column: one with a json document that jsonb refuses (\u0000,
-- half of a surrogate pair, a number out of range) becomes a JSON string of its text.
CREATE OR REPLACE FUNCTION threadline_schema.row_image(source anyelement)
RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $function$
DECLARE
  image jsonb := '{}';
  column_name name;
  value jsonb;
BEGIN
  FOR column_name IN
    SELECT a.attname
    FROM pg_type t
    JOIN pg_attribute a ON a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated <> 'v'
    WHERE t.oid = pg_typeof(source)
  LOOP
    BEGIN
      EXECUTE format('SELECT to_jsonb(($1).%I)', column_name) INTO value USING source;
    EXCEPTION WHEN OTHERS THEN
      EXECUTE format('SELECT to_jsonb(($1).%I::text)', column_name) INTO value USING source;
    END;
    image := image || jsonb_build_object(column_name, value);
  END LOOP;
  RETURN image;
END
$function$;
