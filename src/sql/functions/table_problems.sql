-- What is wrong with the triggers of an audited table, and what mends it.
--
-- The names of the relations are qualified, since the search path is pinned.
CREATE OR REPLACE FUNCTION threadline_schema.table_problems(target regclass, options jsonb)
RETURNS TABLE (code text, message text, remedy text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
-- By an index only: with many tables, what is read of the catalog is a small part of it. Where there is none, the estimate
-- goes through the roof, and PostgreSQL would compile the query for that.
SET enable_seqscan = off
SET jit = off
SET quote_all_identifiers = off
AS $function$
DECLARE
  own_schema constant regnamespace := quote_ident('threadline_schema')::regnamespace;
  capture constant text := threadline_schema.capture_function(target);
  reinstall constant text := format('SELECT %I.install_trigger(%L, %L)', 'threadline_schema', target, options);
BEGIN
  RETURN QUERY
  SELECT
    'table_disabled',
    format('triggers of %s are disabled, and what they are for is not recorded: %s', t.tgrelid::regclass,
      string_agg(quote_ident(t.tgname), ', ' ORDER BY t.tgname)),
    format('ALTER TABLE %s %s', t.tgrelid::regclass, string_agg(format('ENABLE TRIGGER %I', t.tgname), ', ' ORDER BY t.tgname))
  FROM (SELECT target UNION SELECT relid FROM pg_partition_tree(target)) tree (relation)
  -- OFFSET, here and below: PostgreSQL would rather look at the triggers of all tables.
  CROSS JOIN LATERAL (
    SELECT trigger.tgrelid, trigger.tgname, trigger.tgenabled, p.pronamespace
    FROM pg_trigger trigger
    JOIN pg_proc p ON p.oid = trigger.tgfoid
    WHERE trigger.tgrelid = tree.relation
    OFFSET 0
  ) t
  WHERE t.pronamespace = own_schema AND t.tgenabled NOT IN ('O', 'A')
  GROUP BY t.tgrelid
  ORDER BY t.tgrelid::regclass::text;

  RETURN QUERY
  SELECT
    'table_drifted', format('the trigger %I of %s is missing or not as it was installed', wanted.name, wanted.relation), reinstall
  FROM threadline_schema.wanted_triggers(target, capture, options) wanted
  WHERE NOT EXISTS (
    SELECT FROM pg_trigger t
    WHERE t.tgrelid = wanted.relation AND t.tgname = wanted.name AND pg_get_triggerdef(t.oid) = wanted.definition
    OFFSET 0
  )
  ORDER BY wanted.relation::text, wanted.name;

  RETURN QUERY
  SELECT 'table_drifted', format('the trigger %I of %s is no longer wanted', i.name, i.relation), reinstall
  FROM threadline_schema.installed_triggers(target) i
  WHERE (i.relation, i.name) NOT IN (
    SELECT wanted.relation, wanted.name FROM threadline_schema.wanted_triggers(target, capture, options) wanted
  )
  ORDER BY i.relation::text, i.name;

  RETURN QUERY
  SELECT
    'schema_unusable',
    format('the owner of the log may not use the schema %I: %s', n.nspname, CASE
      WHEN bool_or(needed.is_type) THEN 'rows are captured one by one, which is slower'
      ELSE 'TRUNCATE fails, since its rows cannot be read'
    END),
    format('GRANT USAGE ON SCHEMA %I TO %s', n.nspname, threadline_schema.log_owner()::regrole)
  FROM (
    SELECT t.typnamespace, true
    FROM pg_attribute a
    JOIN pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = target AND a.attnum > 0 AND NOT a.attisdropped
    UNION
    SELECT c.relnamespace, false FROM pg_class c WHERE c.oid = target AND options ->> 'truncate' = 'rows'
  ) needed (schema, is_type)
  JOIN pg_namespace n ON n.oid = needed.schema
  WHERE NOT has_schema_privilege(threadline_schema.log_owner(), n.oid, 'USAGE')
  GROUP BY n.nspname
  ORDER BY n.nspname;

  IF NOT threadline_schema.capture_is_current(capture, target, options) THEN
    RETURN QUERY
    SELECT
      'table_drifted',
      format('the function %I.%I is not what would be written today: columns or names changed, or it was replaced', 'threadline_schema', capture),
      reinstall;
  END IF;
END
$function$;
