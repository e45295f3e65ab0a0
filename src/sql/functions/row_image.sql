-- The image of a row as to_jsonb makes it, column by column: one with a json document that jsonb refuses (\u0000,
-- half of a surrogate pair, a number out of range) becomes a JSON string of its text, and so does what must not be
-- turned into JSON with the rights of the log's owner. format calls no cast, but the type's own output.
CREATE OR REPLACE FUNCTION threadline_schema.row_image(source anyelement)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET TimeZone = 'UTC'
SET DateStyle = 'ISO, YMD'
SET IntervalStyle = 'postgres'
SET bytea_output = 'hex'
SET extra_float_digits = '1'
SET lc_monetary = 'C'
AS $function$
DECLARE
  image jsonb := '{}';
  attribute record;
  value jsonb;
BEGIN
  FOR attribute IN
    -- What is in pg_catalog has no parts elsewhere.
    SELECT a.attname AS name, y.typnamespace = 'pg_catalog'::regnamespace OR threadline_schema.has_trusted_parts(y.oid) AS is_trusted
    FROM pg_type t
    JOIN pg_attribute a ON a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated <> 'v'
    JOIN pg_type y ON y.oid = a.atttypid
    WHERE t.oid = pg_typeof(source)
  LOOP
    BEGIN
      IF NOT attribute.is_trusted THEN
        RAISE data_exception;
      END IF;
      EXECUTE format('SELECT to_jsonb(($1).%I)', attribute.name) INTO value USING source;
    EXCEPTION WHEN OTHERS THEN
      EXECUTE format('SELECT CASE WHEN num_nulls(($1).%1$I) = 0 THEN to_jsonb(format(''%%s'', ($1).%1$I)) END', attribute.name)
      INTO value USING source;
    END;
    image := image || jsonb_build_object(attribute.name, value);
  END LOOP;
  RETURN image;
END
$function$;
