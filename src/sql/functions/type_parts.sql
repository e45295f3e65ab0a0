-- A type and all that its values are made of: the members of a composite, the elements of an array, the bounds of a
-- range, what a domain is over. is_text tells of parts that jsonb holds as text, which the bounds of ranges are.
--
-- In PL/pgSQL, which plans this once for a session, and without a search where there is nothing to find: it is asked
-- of every column several times.
CREATE OR REPLACE FUNCTION threadline_schema.type_parts(type oid)
RETURNS TABLE (part oid, is_text boolean)
LANGUAGE plpgsql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  IF EXISTS (SELECT FROM pg_type t WHERE t.oid = type AND t.typtype IN ('b', 'e') AND t.typelem = 0) THEN
    RETURN QUERY SELECT type, false;
    RETURN;
  END IF;
  RETURN QUERY
  WITH RECURSIVE reached (oid, is_text) AS (
    SELECT type, false
    UNION
    SELECT inner_type, reached.is_text OR t.typtype IN ('r', 'm')
    FROM reached
    JOIN pg_type t ON t.oid = reached.oid
    CROSS JOIN LATERAL (
      SELECT t.typbasetype WHERE t.typtype = 'd'
      UNION ALL
      SELECT t.typelem WHERE t.typelem <> 0 AND t.typlen = -1 AND t.typtype = 'b'
      UNION ALL
      SELECT a.atttypid FROM pg_attribute a WHERE a.attrelid = t.typrelid AND t.typtype = 'c' AND a.attnum > 0 AND NOT a.attisdropped
      UNION ALL
      SELECT r.rngsubtype FROM pg_range r WHERE t.oid IN (r.rngtypid, r.rngmultitypid)
    ) inside (inner_type)
  )
  SELECT * FROM reached;
END
$function$;
