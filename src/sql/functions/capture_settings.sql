-- The settings under which the capture function of a table runs, in the form of pg_proc.proconfig: the pinned
-- search path, and out of what a session may change about the text of values, that which its columns depend on.
--
-- No sequential scans: a plan is kept for the session, and one made while audit_transactions is a page long would
-- read all of it for each row, however large it has become, in the place of going to the one place that is known.
CREATE OR REPLACE FUNCTION threadline_schema.capture_settings(target regclass)
RETURNS text[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT array_agg(name || '=' || value ORDER BY position)
  FROM (VALUES
    (1, 'search_path', 'pg_catalog, pg_temp'),
    (2, 'TimeZone', 'UTC'),
    (3, 'DateStyle', 'ISO, YMD'),
    (4, 'IntervalStyle', 'postgres'),
    (5, 'bytea_output', 'hex'),
    (6, 'extra_float_digits', '1'),
    (7, 'lc_monetary', 'C'),
    (8, 'quote_all_identifiers', 'off'),
    (9, 'enable_seqscan', 'off'),
    (10, 'array_nulls', 'on')
  ) setting (position, name, value)
  WHERE position IN (1, 9)
    -- The names of partitions are recorded as they stand in SQL.
    OR position = 8 AND (SELECT c.relkind = 'p' FROM pg_class c WHERE c.oid = target)
    -- value_of reads arrays of enums from their text.
    OR position = 10 AND EXISTS (
      SELECT FROM pg_attribute a
      JOIN pg_type t ON t.oid = a.atttypid
      -- From the array to its element, which has an index.
      JOIN pg_type element ON element.oid = t.typelem AND element.typarray = t.oid AND element.typtype = 'e'
      WHERE a.attrelid = target AND a.attnum > 0 AND NOT a.attisdropped
    )
    OR name IN (
    SELECT unnest(threadline_schema.type_settings(a.atttypid))
    FROM pg_attribute a
    WHERE a.attrelid = target AND a.attnum > 0 AND NOT a.attisdropped
  )
$function$;
