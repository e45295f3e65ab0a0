-- What stands in the way of a log that is complete and append-only.
CREATE OR REPLACE FUNCTION threadline_schema.log_findings()
RETURNS TABLE (code text, object text, message text, remedy text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $function$
  SELECT 'log_unguarded', wanted.relation::text,
    format('the trigger %I is missing, disabled or not as it was installed: what was recorded can be changed', wanted.name),
    format('SELECT %I.install_guards()', 'threadline_schema')
  FROM threadline_schema.wanted_guards() wanted
  WHERE NOT EXISTS (
    SELECT FROM pg_trigger t
    WHERE t.tgrelid = wanted.relation AND t.tgname = wanted.name AND t.tgenabled IN ('O', 'A')
      AND pg_get_triggerdef(t.oid) = wanted.definition
  )
  UNION ALL
  SELECT 'log_interfered', t.tgrelid::regclass::text,
    format('the trigger %I is none of Threadline''s: it can change or drop what is recorded', t.tgname),
    format('DROP TRIGGER %I ON %s', t.tgname, t.tgrelid::regclass)
  FROM pg_trigger t
  JOIN pg_class c ON c.oid = t.tgrelid
  WHERE c.relnamespace = quote_ident('threadline_schema')::regnamespace AND NOT t.tgisinternal
    AND NOT EXISTS (
      SELECT FROM pg_proc p WHERE p.oid = t.tgfoid AND p.pronamespace = c.relnamespace
    )
  UNION ALL
  SELECT 'log_interfered', r.ev_class::regclass::text,
    format('the rule %I rewrites what is recorded', r.rulename),
    format('DROP RULE %I ON %s', r.rulename, r.ev_class::regclass)
  FROM pg_rewrite r
  JOIN pg_class c ON c.oid = r.ev_class
  WHERE c.relnamespace = quote_ident('threadline_schema')::regnamespace AND c.relkind <> 'v'
$function$;
