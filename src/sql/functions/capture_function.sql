-- The name of the function that captures the rows of a table: that of the one its triggers call, or else one made
-- from the table's name that no trigger of another table calls.
CREATE OR REPLACE FUNCTION threadline_schema.capture_function(target regclass)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  own_schema constant regnamespace := quote_ident('threadline_schema')::regnamespace;
  capture text;
  stem text;
  suffix text := '';
BEGIN
  SELECT p.proname INTO capture
  FROM pg_trigger t
  JOIN pg_proc p ON p.oid = t.tgfoid
  WHERE t.tgrelid = target AND t.tgname IN ('00_threadline_insert', '00_threadline_change') AND p.pronamespace = own_schema;
  IF FOUND THEN
    RETURN capture;
  END IF;

  SELECT 'capture_' || n.nspname || '_' || c.relname INTO stem
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.oid = target;
  FOR attempt IN 2..1000 LOOP
    WHILE octet_length(stem || suffix) > 63 LOOP
      stem := left(stem, -1);
    END LOOP;
    capture := stem || suffix;
    EXIT WHEN NOT EXISTS (
      SELECT FROM pg_proc p
      JOIN pg_trigger t ON t.tgfoid = p.oid
      WHERE p.pronamespace = own_schema AND p.proname = capture
    );
    suffix := '_' || attempt;
  END LOOP;
  RETURN capture;
END
$function$;
