-- A text as jsonb, or NULL where it is none.
--
-- What a context says in characters that the encoding of the database lacks arrives as \uXXXX, which jsonb refuses there:
-- it stays that, in its six letters, rather than that the actor be lost.
CREATE OR REPLACE FUNCTION threadline_schema.jsonb_or_null(value text)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE
AS $function$
BEGIN
  RETURN nullif(value, '')::jsonb;
EXCEPTION WHEN OTHERS THEN
  IF getdatabaseencoding() = 'UTF8' THEN
    RETURN NULL;
  END IF;
  BEGIN
    -- A backslash before the u, with an even number of them before it.
    RETURN regexp_replace(value, E'(^|[^\\\\])((\\\\\\\\)*)\\\\u', E'\\1\\2\\\\\\\\u', 'g')::jsonb;
  EXCEPTION WHEN OTHERS THEN
    RETURN NULL;
  END;
END
$function$;
