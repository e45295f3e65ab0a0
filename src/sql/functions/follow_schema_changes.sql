-- The event trigger that follows changes of audited tables: their capture functions are written anew for the columns
-- that there are now, partitions that came get their TRUNCATE trigger, those that went lose it, and a new name is noted.
--
-- Whoever changes a table need have no right here: this runs with those of the installer, and takes nothing from the
-- one who changes but names out of the catalog, which are quoted wherever they go into SQL. Capture is right without
-- it, only slower, so that whatever fails here must not fail the change: it becomes a warning. So does a table whose
-- options name a column that is gone: what may be stored of the others is for people to say.
CREATE OR REPLACE FUNCTION threadline_schema.follow_schema_changes()
RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
-- What is estimated of functions and of the catalog is far too much, and would have each change wait for a compiler.
SET jit = off
SET quote_all_identifiers = off
-- Less than deadlock_timeout: who waits longer might be waited for.
SET lock_timeout = '500ms'
AS $function$
DECLARE
  audited record;
BEGIN
  FOR audited IN
    -- From the few tables that were changed to their audit, which is found by an index: most changes are of tables that
    -- are not audited, and need not look at all that are.
    WITH RECURSIVE command AS MATERIALIZED (
      SELECT d.classid, d.objid, created.tgrelid
      FROM pg_event_trigger_ddl_commands() d
      -- OFFSET keeps PostgreSQL, which expects a hundred commands, from reading all triggers for them.
      LEFT JOIN LATERAL (
        SELECT t.tgrelid, p.pronamespace FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid WHERE t.oid = d.objid OFFSET 0
      ) created ON d.classid = 'pg_trigger'::regclass
      -- Our own triggers, written below.
      WHERE created.pronamespace IS DISTINCT FROM quote_ident('threadline_schema')::regnamespace
    ), derived (relation) AS (
      -- The tables below, whose columns change with those of the one above, which alone is told.
      SELECT c.oid FROM command d JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'r' WHERE d.classid = 'pg_class'::regclass
      UNION SELECT i.inhrelid FROM derived JOIN pg_inherits i ON i.inhparent = derived.relation
    ), changed AS MATERIALIZED (
      SELECT relation FROM derived
      UNION
      SELECT tgrelid AS relation FROM command WHERE tgrelid IS NOT NULL
      UNION
      SELECT coalesce(pg_partition_root(objid::regclass), objid) FROM command WHERE classid = 'pg_class'::regclass
      UNION
      SELECT i.inhparent FROM command d JOIN pg_inherits i ON i.inhrelid = d.objid WHERE d.classid = 'pg_class'::regclass
      UNION
      SELECT c.oid FROM command d JOIN pg_class c ON c.relnamespace = d.objid AND c.relkind IN ('r', 'p') WHERE d.classid = 'pg_namespace'::regclass
      UNION
      -- The capture functions have the names of the types of all columns.
      SELECT typed.attrelid
      FROM command d
      CROSS JOIN LATERAL (
        -- OFFSET keeps this from being read where the command is about no type.
        SELECT a.attrelid
        FROM pg_attribute a
        JOIN pg_type t ON t.oid = a.atttypid
        WHERE a.attnum > 0 AND NOT a.attisdropped AND CASE d.classid
          WHEN 'pg_type'::regclass THEN d.objid IN (t.oid, t.typelem)
          ELSE t.typnamespace = d.objid
        END
        OFFSET 0
      ) typed
      WHERE d.classid IN ('pg_type'::regclass, 'pg_namespace'::regclass)
    )
    SELECT own.relation, own.options
    FROM changed
    CROSS JOIN LATERAL (SELECT a.* FROM threadline_schema.audited_tables a WHERE a.relation = changed.relation OFFSET 0) own
  LOOP
    IF threadline_schema.lose_hidden(audited.relation, audited.options) THEN
      RAISE WARNING USING
        MESSAGE = format(
          'Threadline: the audit of %s could not follow this change: one of the columns that are not to be seen may have been renamed',
          audited.relation
        ),
        HINT = 'Everything goes on being recorded, and what is new is hidden. Run installTriggers for this table with its options anew.';
      CONTINUE;
    END IF;
    BEGIN
      PERFORM threadline_schema.write_triggers(
        audited.relation, threadline_schema.table_options(audited.relation, audited.options), false
      );
    EXCEPTION WHEN OTHERS THEN
      RAISE WARNING USING
        MESSAGE = format('Threadline: the audit of %s could not follow this change: %s', audited.relation, SQLERRM),
        HINT = 'Everything goes on being recorded. Run installTriggers for this table to bring it up to date.';
    END;
  END LOOP;
EXCEPTION WHEN OTHERS THEN
  RAISE WARNING USING
    MESSAGE = format('Threadline: the audit could not follow this change: %s', SQLERRM),
    HINT = 'Everything goes on being recorded. Run installTriggers for the tables concerned.';
END
$function$;
