-- The image of a row as to_jsonb makes it, column by column: one with a json document that jsonb refuses (\u0000,
-- half of a surrogate pair, a number out of range) becomes a JSON string of its text.
CREATE OR REPLACE FUNCTION threadline_schema.row_image(source anyelement)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET TimeZone = 'UTC'
SET DateStyle = 'ISO, YMD'
SET IntervalStyle = 'postgres'
SET bytea_output = 'hex'
SET extra_float_digits = '1'
SET lc_monetary = 'C'
SET array_nulls = on
AS $function$
DECLARE
  image jsonb := '{}';
  attribute record;
  value jsonb;
BEGIN
  FOR attribute IN
    SELECT a.attname AS name, threadline_schema.value_of('($1)', a.attname, a.atttypid) AS expression
    FROM pg_type t
    JOIN pg_attribute a ON a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated <> 'v'
    WHERE t.oid = pg_typeof(source)
  LOOP
    BEGIN
      EXECUTE format('SELECT to_jsonb(%s)', attribute.expression) INTO value USING source;
    EXCEPTION WHEN OTHERS THEN
      EXECUTE format('SELECT to_jsonb(format(''%%s'', ($1).%I))', attribute.name) INTO value USING source;
    END;
    image := image || jsonb_build_object(attribute.name, value);
  END LOOP;
  RETURN image;
END
$function$;
