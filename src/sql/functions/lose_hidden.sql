-- Has a capture function hide whatever it does not know, until it is written anew for options that people name: a column
-- that is not to be seen has another name, and one that gets its former name would be taken for it. Returns whether
-- that was so before, or where nothing followed, whether another one has got the name by now.
CREATE OR REPLACE FUNCTION threadline_schema.lose_hidden(target regclass, options jsonb)
RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  capture record;
  is_moved boolean;
BEGIN
  SELECT p.oid, p.prosrc, strpos(p.prosrc, threadline_schema.declaration_of_lost(true)) > 0 AS is_lost INTO capture
  FROM threadline_schema.audited_tables a
  JOIN pg_proc p ON p.oid = a.capture
  WHERE a.relation = target;
  IF capture.is_lost THEN
    RETURN true;
  END IF;
  -- What the function was written to ask: see columns_differ.
  SELECT strpos(capture.prosrc, place) > 0 AND strpos(capture.prosrc, place || string_agg(format('(%s, %L)', a.attnum, a.attname), ', ' ORDER BY a.attnum) || '))') = 0
  INTO is_moved
  FROM pg_attribute a
  CROSS JOIN (VALUES ('(hidden.attnum, hidden.attname) IN (')) asked (place)
  WHERE a.attrelid = target AND a.attnum > 0 AND NOT a.attisdropped AND (options -> 'mask' ? a.attname OR options -> 'exclude' ? a.attname)
  GROUP BY place;
  IF is_moved OR EXISTS (
    SELECT jsonb_object_keys(options -> 'mask') UNION ALL SELECT jsonb_array_elements_text(options -> 'exclude')
    EXCEPT SELECT a.attname FROM pg_attribute a WHERE a.attrelid = target AND a.attnum > 0 AND NOT a.attisdropped
  ) THEN
    EXECUTE replace(
      pg_get_functiondef(capture.oid), threadline_schema.declaration_of_lost(false), threadline_schema.declaration_of_lost(true)
    );
  END IF;
  RETURN coalesce(is_moved, false);
END
$function$;
