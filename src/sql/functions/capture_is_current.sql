-- Whether the capture function of a table is there and what would be written for these options and columns.
CREATE OR REPLACE FUNCTION threadline_schema.capture_is_current(capture text, target regclass, options jsonb)
RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT EXISTS (
    SELECT FROM pg_proc p
    WHERE p.pronamespace = quote_ident('threadline_schema')::regnamespace AND p.proname = capture AND p.prosecdef
      AND p.proowner = threadline_schema.log_owner()
      AND p.prosrc = threadline_schema.capture_body(target, options)
      AND p.proconfig = threadline_schema.capture_settings(target)
  )
$function$;
