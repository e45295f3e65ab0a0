-- The part of a capture function that finds where the row of the audit transaction is.
CREATE OR REPLACE FUNCTION threadline_schema.place_of_transaction()
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT format(
    $body$
  IF current_setting('threadline.transaction_key', true) = %1$s.transaction_key(actor_text, context_text) THEN
    place := current_setting('threadline.transaction_place', true);
  ELSE
    place := %1$s.open_transaction(actor_text, context_text);
  END IF;$body$,
    quote_ident('threadline_schema')
  )
$function$;
