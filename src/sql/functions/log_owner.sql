-- Who owns the log, with whose rights capture writes it.
CREATE OR REPLACE FUNCTION threadline_schema.log_owner()
RETURNS oid
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT c.relowner FROM pg_class c WHERE c.oid = (quote_ident('threadline_schema') || '.audit_changes')::regclass
$function$;
