-- The condition that a row of a table, the record source, has types that its capture function must not turn into JSON,
-- as SQL; NULL where that cannot be. Who owns the table, and is not trusted, might give it such a column at any time.
CREATE OR REPLACE FUNCTION threadline_schema.types_differ(target regclass, source text)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $function$
  SELECT CASE
    WHEN NOT bool_and(threadline_schema.has_trusted_parts(a.atttypid)) THEN 'true'
    WHEN NOT threadline_schema.is_trusted(c.relowner) THEN
      string_agg(format('pg_typeof(%s.%I) <> %L::regtype', source, a.attname, a.atttypid::regtype), ' OR ' ORDER BY a.attnum)
  END
  FROM pg_class c
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  WHERE c.oid = target
  GROUP BY c.relowner
$function$;
