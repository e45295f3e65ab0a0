-- A value as the log has it, whatever the settings of the session that asks. What it was made of was read under these.
CREATE OR REPLACE FUNCTION threadline_schema.json_of(value anyelement)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET TimeZone = 'UTC'
SET DateStyle = 'ISO, YMD'
SET IntervalStyle = 'postgres'
SET bytea_output = 'hex'
SET extra_float_digits = '1'
SET lc_monetary = 'C'
AS $function$
  SELECT to_jsonb(value)
$function$;
