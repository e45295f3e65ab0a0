-- Whether threadline.transaction, given as it stands, is of the present context: whether it begins with transaction_key(),
-- found out without putting that together, which would cost each row of an update more than this does. Settings that
-- hold the character between the parts, which no JSON does, count as another context: continue_transaction knows better.
--
-- Without SET and STRICT, so that the planner puts its body in the place of each call.
CREATE OR REPLACE FUNCTION threadline_schema.is_present(state text)
RETURNS boolean
LANGUAGE sql STABLE
AS $function$
  SELECT pg_catalog.split_part(state, E'\x01', 1)
    OPERATOR(pg_catalog.=) coalesce(pg_catalog.current_setting('threadline.actor_ref', true), '')
    AND pg_catalog.split_part(state, E'\x01', 2)
    OPERATOR(pg_catalog.=) coalesce(pg_catalog.current_setting('threadline.context', true), '')
$function$;
