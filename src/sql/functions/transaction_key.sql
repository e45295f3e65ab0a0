-- What makes two writes belong to one audit transaction: the database transaction and both settings, as one text.
--
-- Without SET and STRICT, so that the planner puts its body in the place of each call.
CREATE OR REPLACE FUNCTION threadline_schema.transaction_key(actor_text text, context_text text)
RETURNS text
LANGUAGE sql STABLE
AS $function$
  SELECT pg_catalog.concat(
    pg_catalog.pg_current_xact_id()::pg_catalog.text, ' ', pg_catalog.octet_length(actor_text), ' ', actor_text, context_text
  )
$function$;
