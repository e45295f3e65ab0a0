-- Nothing that is ever called: what matters is that PostgreSQL finds it only for two values of exactly the same type, when
-- it parses the call. See columns_differ.
CREATE OR REPLACE FUNCTION threadline_schema.same_type(value anyelement, of_type anyelement)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
  SELECT true
$function$;
