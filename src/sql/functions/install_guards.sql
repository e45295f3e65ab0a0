-- Puts the triggers that keep the log append-only where they are missing, disabled or different.
CREATE OR REPLACE FUNCTION threadline_schema.install_guards()
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $function$
DECLARE
  wanted record;
BEGIN
  FOR wanted IN SELECT * FROM threadline_schema.wanted_guards() LOOP
    IF NOT EXISTS (
      SELECT FROM pg_trigger t
      WHERE t.tgrelid = wanted.relation AND t.tgname = wanted.name AND t.tgenabled = 'O'
        AND pg_get_triggerdef(t.oid) = wanted.definition
    ) THEN
      EXECUTE overlay(wanted.definition PLACING 'CREATE OR REPLACE TRIGGER' FROM 1 FOR length('CREATE TRIGGER'));
    END IF;
  END LOOP;
END
$function$;
