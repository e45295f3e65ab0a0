-- What makes two writes of a database transaction belong to one audit transaction: both settings, as one text. No JSON
-- has the character behind each, so that two pairs of settings that are JSON, or empty, never make the same text, nor one
-- the beginning of the other.
--
-- Without SET and STRICT, so that the planner puts its body in the place of each call.
CREATE OR REPLACE FUNCTION threadline_schema.transaction_key()
RETURNS text
LANGUAGE sql STABLE
AS $function$
  SELECT coalesce(pg_catalog.current_setting('threadline.actor_ref', true), '')
    OPERATOR(pg_catalog.||) E'\x01'
    OPERATOR(pg_catalog.||) coalesce(pg_catalog.current_setting('threadline.context', true), '')
    OPERATOR(pg_catalog.||) E'\x01'
$function$;
