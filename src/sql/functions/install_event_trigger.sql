-- Creates the event trigger that calls follow_schema_changes, where the installer may: PostgreSQL allows it to
-- superusers, and some hosts to more. Without it, installTriggers has to be run after a change of tables.
CREATE OR REPLACE FUNCTION threadline_schema.install_event_trigger()
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  called constant regprocedure := (quote_ident('threadline_schema') || '.follow_schema_changes()')::regprocedure;
  tags constant text[] := '{ALTER TABLE,CREATE TABLE,CREATE TRIGGER,ALTER SCHEMA,ALTER TYPE,ALTER DOMAIN}';
  former record;
BEGIN
  SELECT e.evtname, e.evttags INTO former FROM pg_event_trigger e WHERE e.evtfoid = called;
  IF former.evttags @> tags THEN
    RETURN;
  ELSIF former.evtname IS NOT NULL THEN
    -- That of an earlier version. Whoever may not replace it keeps it.
    EXECUTE format('DROP EVENT TRIGGER %I', former.evtname);
  END IF;
  EXECUTE format(
    'CREATE EVENT TRIGGER %I ON ddl_command_end WHEN TAG IN (%s) EXECUTE FUNCTION %I.follow_schema_changes()',
    'threadline_schema', (SELECT string_agg(quote_literal(tag), ', ') FROM unnest(tags) tag), 'threadline_schema'
  );
  -- Also for sessions whose replication role is replica, as those are that apply what another server sends: capture
  -- functions rely on being written anew.
  EXECUTE format('ALTER EVENT TRIGGER %I ENABLE ALWAYS', 'threadline_schema');
EXCEPTION WHEN insufficient_privilege THEN
  IF former.evtname IS NOT NULL THEN
    RETURN;
  END IF;
  RAISE NOTICE USING
    MESSAGE = 'Threadline: no event trigger could be created, which takes a superuser',
    HINT = 'Run installTriggers again after columns or partitions of audited tables have changed. Nothing is lost until then.';
END
$function$;
