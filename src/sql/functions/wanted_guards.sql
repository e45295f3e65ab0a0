-- The triggers that keep the log append-only, each with its definition in the words of pg_get_triggerdef. None of
-- them concerns INSERT.
CREATE OR REPLACE FUNCTION threadline_schema.wanted_guards()
RETURNS TABLE (relation regclass, name text, definition text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $function$
  SELECT c.oid, guard, format(
    'CREATE TRIGGER %I BEFORE %s ON %s FOR EACH %s EXECUTE FUNCTION %I.guard_log()',
    guard, events, c.oid::regclass, level, 'threadline_schema'
  )
  FROM (VALUES
    ('audit_changes', 'append_only', 'DELETE OR UPDATE OR TRUNCATE', 'STATEMENT'),
    ('audit_actions', 'append_only', 'DELETE OR UPDATE OR TRUNCATE', 'STATEMENT'),
    ('audit_transactions', 'append_only', 'DELETE OR TRUNCATE', 'STATEMENT'),
    ('audit_transactions', 'append_only_but_action', 'UPDATE', 'ROW')
  ) guards (relation_name, guard, events, level)
  JOIN pg_class c ON c.relname = relation_name AND c.relnamespace = quote_ident('threadline_schema')::regnamespace
$function$;
