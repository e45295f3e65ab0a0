-- Locks those of some tables that are about to get their first triggers: see lock_tables. Nobody else installs anything
-- until this transaction ends.
CREATE OR REPLACE FUNCTION threadline_schema.lock_unaudited(tables regclass[])
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('threadline ' || 'threadline_schema', 0));
  PERFORM threadline_schema.lock_tables(ARRAY(
    SELECT c.oid::regclass
    FROM pg_class c
    WHERE c.oid = ANY (tables) AND c.relkind IN ('r', 'p')
      AND NOT EXISTS (SELECT FROM threadline_schema.audited_tables a WHERE a.relation = c.oid)
    ORDER BY c.oid
  ));
END
$function$;
