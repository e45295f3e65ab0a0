-- A text as jsonb, or NULL where it is none.
CREATE OR REPLACE FUNCTION threadline_schema.jsonb_or_null(value text)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE
AS $function$
BEGIN
  RETURN nullif(value, '')::jsonb;
EXCEPTION WHEN OTHERS THEN
  RETURN NULL;
END
$function$;
