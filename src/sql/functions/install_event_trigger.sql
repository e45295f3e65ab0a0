-- Creates the event trigger that calls follow_schema_changes, where the installer may: PostgreSQL allows it to
-- superusers, and some hosts to more. Without it, installTriggers has to be run after a change of tables.
CREATE OR REPLACE FUNCTION threadline_schema.install_event_trigger()
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  called constant regprocedure := (quote_ident('threadline_schema') || '.follow_schema_changes()')::regprocedure;
  is_there constant boolean := EXISTS (SELECT FROM pg_event_trigger e WHERE e.evtfoid = called);
BEGIN
  IF is_there THEN
    RETURN;
  END IF;
  EXECUTE format(
    $sql$CREATE EVENT TRIGGER %I ON ddl_command_end
      WHEN TAG IN ('ALTER TABLE', 'CREATE TABLE', 'CREATE TRIGGER', 'ALTER SCHEMA')
      EXECUTE FUNCTION %I.follow_schema_changes()$sql$,
    'threadline_schema', 'threadline_schema'
  );
EXCEPTION WHEN insufficient_privilege THEN
  RAISE NOTICE USING
    MESSAGE = 'Threadline: no event trigger could be created, which takes a superuser',
    HINT = 'Run installTriggers again after columns or partitions of audited tables have changed. Nothing is lost until then.';
END
$function$;
