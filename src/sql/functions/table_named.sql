-- The table that a name was found to stand for; where none was found, an error that helps to find it.
CREATE OR REPLACE FUNCTION threadline_schema.table_named(name text, relation regclass)
RETURNS regclass
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  parts constant text[] := parse_ident(name);
  candidates text;
BEGIN
  IF relation IS NOT NULL THEN
    RETURN relation;
  END IF;
  SELECT string_agg(format('%I.%I', n.nspname, c.relname), ', ' ORDER BY n.nspname, c.relname) INTO candidates
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p') AND lower(c.relname) = lower(parts[array_upper(parts, 1)])
    AND n.nspname NOT LIKE 'pg\_%';
  RAISE EXCEPTION USING ERRCODE = 'TL002',
    MESSAGE = format('Threadline: there is no table %s', name),
    HINT = CASE
      WHEN candidates IS NULL THEN 'Create the table first, or check the name, the schema and the search path.'
      ELSE format('Did you mean %s? Names are written as in SQL: with the schema where it is not on the search path, in double quotes where they hold capitals.', candidates)
    END;
END
$function$;
