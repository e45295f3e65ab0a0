-- The type that a domain is made of in the end; of any other type, the type itself.
CREATE OR REPLACE FUNCTION threadline_schema.base_type(type oid)
RETURNS oid
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  WITH RECURSIVE reached (oid, base) AS (
    SELECT t.oid, t.typbasetype FROM pg_type t WHERE t.oid = type
    UNION ALL
    SELECT t.oid, t.typbasetype FROM reached JOIN pg_type t ON t.oid = reached.base
  )
  SELECT oid FROM reached WHERE base = 0
$function$;
