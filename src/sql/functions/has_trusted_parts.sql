-- Whether a type may be turned into JSON with the rights of the log's owner: to_jsonb calls the cast to json that a
-- type has, which whoever owns the type may write. It looks through a domain, to the type underneath.
--
-- In PL/pgSQL, which plans this once for a session: it is asked of every column several times.
CREATE OR REPLACE FUNCTION threadline_schema.has_trusted_parts(type oid)
RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  -- What initdb made holds nothing but its like.
  RETURN type < 16384 OR (
    SELECT bool_and(
      t.typnamespace = 'pg_catalog'::regnamespace OR t.typtype = 'd' OR coalesce(threadline_schema.is_trusted(t.typowner), false)
    )
    FROM threadline_schema.type_parts(type) p
    JOIN pg_type t ON t.oid = p.part
  );
END
$function$;
