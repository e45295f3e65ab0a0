-- Puts the triggers that keep the log append-only where they are missing, disabled or different.
CREATE OR REPLACE FUNCTION threadline_schema.install_guards()
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $function$
BEGIN
  PERFORM threadline_schema.ensure_trigger(wanted.relation, wanted.name, wanted.definition, true)
  FROM threadline_schema.wanted_guards() wanted;
END
$function$;
