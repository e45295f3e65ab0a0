-- A value as to_jsonb makes it, or where jsonb refuses it, a JSON string of its text: see row_image.
CREATE OR REPLACE FUNCTION threadline_schema.value_image(value anyelement)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET TimeZone = 'UTC'
SET DateStyle = 'ISO, YMD'
SET IntervalStyle = 'postgres'
SET bytea_output = 'hex'
SET extra_float_digits = '1'
SET lc_monetary = 'C'
SET array_nulls = on
AS $function$
BEGIN
  RETURN to_jsonb(value);
EXCEPTION WHEN OTHERS THEN
  RETURN to_jsonb(format('%s', value));
END
$function$;
