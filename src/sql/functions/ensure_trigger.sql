-- Creates or replaces a trigger where it is not as its definition says, which is in the words of pg_get_triggerdef: that
-- locks the table against writes. Returns whether it did. One that was disabled stays so, unless is_mending; one that was
-- enabled ALWAYS, for sessions whose replication role is replica, stays that.
CREATE OR REPLACE FUNCTION threadline_schema.ensure_trigger(relation regclass, name text, definition text, is_mending boolean)
RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET standard_conforming_strings = on
SET quote_all_identifiers = off
AS $function$
BEGIN
  IF EXISTS (
    SELECT FROM pg_trigger t
    WHERE t.tgrelid = relation AND t.tgname = name AND (t.tgenabled IN ('O', 'A') OR NOT is_mending)
      AND pg_get_triggerdef(t.oid) = definition
  ) THEN
    RETURN false;
  END IF;
  EXECUTE overlay(definition PLACING 'CREATE OR REPLACE TRIGGER' FROM 1 FOR length('CREATE TRIGGER'));
  RETURN true;
END
$function$;
