-- Refuses options of a table that nobody knows, by name.
CREATE OR REPLACE FUNCTION threadline_schema.check_table_options(target regclass, options jsonb)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  known_options constant text[] := '{}';
  unknown_options text;
BEGIN
  IF jsonb_typeof(options) IS DISTINCT FROM 'object' THEN
    RAISE EXCEPTION USING ERRCODE = 'TL006',
      MESSAGE = format('Threadline: the options of %s are not a JSON object', target),
      HINT = 'Pass {} for none.';
  END IF;
  SELECT string_agg(key, ', ') INTO unknown_options FROM jsonb_object_keys(options) key WHERE key <> ALL (known_options);
  IF unknown_options IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'TL006',
      MESSAGE = format('Threadline: unknown options for %s: %s', target, unknown_options),
      HINT = CASE
        WHEN known_options = '{}' THEN 'This version knows no options of a table.'
        ELSE format('Known options: %s.', array_to_string(known_options, ', '))
      END;
  END IF;
END
$function$;
