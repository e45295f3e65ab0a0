-- The part of the capture function of a table with onMissingActor: 'reject' that does so.
CREATE OR REPLACE FUNCTION threadline_schema.missing_actor_check()
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT format(
    E'  IF %1$s.is_actor_ref(%1$s.jsonb_or_null(actor_text)) IS NOT TRUE THEN PERFORM %1$s.reject_missing_actor(TG_RELID); END IF;\n',
    quote_ident('threadline_schema')
  )
$function$;
