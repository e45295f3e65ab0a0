-- Creates or replaces the capture function of a table, if it is not yet as it should be. Returns whether it did.
CREATE OR REPLACE FUNCTION threadline_schema.write_capture_function(capture text, target regclass, options jsonb)
RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  set_clauses text;
BEGIN
  IF threadline_schema.capture_is_current(capture, target, options) THEN
    RETURN false;
  END IF;

  SELECT string_agg(format(
    'SET %I = %s',
    split_part(setting, '=', 1),
    CASE split_part(setting, '=', 1)
      WHEN 'search_path' THEN split_part(setting, '=', 2)
      ELSE quote_literal(split_part(setting, '=', 2))
    END
  ), ' ') INTO set_clauses
  FROM unnest(threadline_schema.capture_settings(target)) setting;

  EXECUTE format(
    'CREATE OR REPLACE FUNCTION %I.%I() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER %s AS %L',
    'threadline_schema', capture, set_clauses, threadline_schema.capture_body(target, options)
  );
  EXECUTE format('REVOKE ALL ON FUNCTION %I.%I() FROM PUBLIC', 'threadline_schema', capture);
  -- It runs with the rights of its owner, who must be the one that may write the log.
  EXECUTE format('ALTER FUNCTION %I.%I() OWNER TO %s', 'threadline_schema', capture, threadline_schema.log_owner()::regrole);
  RETURN true;
END
$function$;
