-- Whether the inserts and deletes of a table are captured a statement at a time, which costs half of what a row at
-- a time does where a statement writes many. Not
--   in partitioned tables and wherever tables inherit: a statement on one table writes rows of another there, and
--   the triggers of the statement do not see them;
--   where a trigger of a row may write to the same table (the user's own, or a foreign key of the table to itself):
--   what it does would be recorded before the row that it is about;
--   where a value may refuse to become JSON: one by one, the others are not held up by it. A composite may be given a
--   member of type json by ALTER TYPE.
--
-- In PL/pgSQL, which plans this once for a session.
CREATE OR REPLACE FUNCTION threadline_schema.captures_by_statement(target regclass)
RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN (
    SELECT c.relkind = 'r' AND NOT c.relispartition
      AND NOT EXISTS (SELECT FROM pg_inherits i WHERE target IN (i.inhrelid, i.inhparent))
      AND NOT EXISTS (
        -- 1, 2 and 64 are the bits of tgtype for ROW, BEFORE and INSTEAD OF.
        SELECT FROM pg_trigger t
        WHERE t.tgrelid = target AND NOT t.tgisinternal AND t.tgtype & 1 = 1 AND t.tgtype & 66 = 0
          AND t.tgname NOT LIKE '00\_threadline\_%'
      )
      AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.contype = 'f' AND k.conrelid = target AND k.confrelid = target)
      AND NOT EXISTS (
        SELECT
        FROM pg_attribute a
        CROSS JOIN threadline_schema.type_parts(a.atttypid) p
        JOIN pg_type t ON t.oid = p.part
        WHERE a.attrelid = target AND a.attnum > 0 AND NOT a.attisdropped
          AND (t.oid = 'json'::regtype OR t.typtype = 'c' OR t.typtype = 'b' AND t.typelem = 0 AND t.typnamespace <> 'pg_catalog'::regnamespace)
      )
    FROM pg_class c
    WHERE c.oid = target
  );
END
$function$;
