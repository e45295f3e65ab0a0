-- The settings that the images of values of a type depend on.
--
-- Images are jsonb. Composites, arrays and domains become jsonb member by member; a range becomes text, in which
-- dates follow DateStyle, as they do nowhere else. A type from outside of pg_catalog may depend on anything, and a composite may be
-- given any member by ALTER TYPE, which changes nothing of the tables that have it.
--
-- In PL/pgSQL, which plans this once for a session.
CREATE OR REPLACE FUNCTION threadline_schema.type_settings(type oid)
RETURNS text[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN (
    WITH settings_of_parts AS (
      SELECT CASE
        WHEN t.typtype IN ('d', 'e', 'r', 'm') OR t.typelem <> 0 AND t.typlen = -1 THEN '{}'
        WHEN t.typtype = 'c' OR t.typnamespace <> 'pg_catalog'::regnamespace THEN
          '{TimeZone,DateStyle,IntervalStyle,bytea_output,extra_float_digits,lc_monetary}'
        WHEN t.oid = 'timestamptz'::regtype THEN CASE WHEN p.is_text THEN '{TimeZone,DateStyle}' ELSE '{TimeZone}' END
        WHEN t.oid IN ('timestamp'::regtype, 'date'::regtype) THEN CASE WHEN p.is_text THEN '{DateStyle}' ELSE '{}' END
        WHEN t.oid = 'interval'::regtype THEN '{IntervalStyle}'
        WHEN t.oid = 'bytea'::regtype THEN '{bytea_output}'
        WHEN t.oid = 'money'::regtype THEN '{lc_monetary}'
        WHEN t.oid IN ('float4'::regtype, 'float8'::regtype) OR t.typcategory = 'G' THEN '{extra_float_digits}'
        ELSE '{}'
      END::text[] AS needed
      FROM threadline_schema.type_parts(type) p
      JOIN pg_type t ON t.oid = p.part
    )
    SELECT coalesce(array_agg(DISTINCT setting), '{}') FROM settings_of_parts, unnest(needed) setting
  );
END
$function$;
