-- The greatest id that was given to a change so far, by anybody.
CREATE OR REPLACE FUNCTION threadline_schema.last_change_id()
RETURNS bigint
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT coalesce(pg_sequence_last_value(
    pg_get_serial_sequence(quote_ident('threadline_schema') || '.audit_changes', 'id')::regclass
  ), 0)
$function$;
