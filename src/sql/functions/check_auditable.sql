-- Refuses what cannot be audited, and says what to do instead.
CREATE OR REPLACE FUNCTION threadline_schema.check_auditable(target regclass)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  other_schema regnamespace;
  relation pg_class := (SELECT c FROM pg_class c WHERE c.oid = target);
  problem text;
  hint text;
BEGIN
  IF relation.oid IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'TL002',
      MESSAGE = format('Threadline: there is no table with the oid %s', target::oid),
      HINT = 'It may have been dropped in the meantime.';
  ELSIF relation.relnamespace = quote_ident('threadline_schema')::regnamespace THEN
    RAISE EXCEPTION USING ERRCODE = 'TL003',
      MESSAGE = format('Threadline: %s is one of Threadline''s own tables', target),
      HINT = 'The log is not audited by itself; leave the table out.';
  ELSIF relation.relispartition THEN
    RAISE EXCEPTION USING ERRCODE = 'TL004',
      MESSAGE = format('Threadline: %s is a partition', target),
      HINT = format('Audit the partitioned table %s: that covers every partition.', pg_partition_root(target));
  END IF;

  SELECT p.pronamespace INTO other_schema
  FROM pg_trigger t
  JOIN pg_proc p ON p.oid = t.tgfoid
  WHERE t.tgrelid = target AND t.tgname IN ('00_threadline_insert', '00_threadline_change')
    AND p.pronamespace <> quote_ident('threadline_schema')::regnamespace;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'TL007',
      MESSAGE = format('Threadline: %s is audited by the installation in the schema %s', target, other_schema),
      HINT = 'Uninstall its triggers there first, or leave the table out.';
  END IF;

  CASE
    WHEN relation.relkind = 'v' THEN
      problem := 'is a view';
      hint := 'Audit the tables that it reads from: writes through the view are captured there.';
    WHEN relation.relkind = 'm' THEN
      problem := 'is a materialized view';
      hint := 'Audit the tables that it is made from.';
    WHEN relation.relkind = 'f' THEN
      problem := 'is a foreign table';
      hint := 'Audit the table on the server that holds it.';
    WHEN relation.relkind NOT IN ('r', 'p') THEN
      problem := 'is not a table';
      hint := 'Only tables and partitioned tables can be audited.';
    WHEN relation.relpersistence = 't' THEN
      problem := 'is a temporary table';
      hint := 'It ends with its session; use a permanent table.';
    WHEN relation.relnamespace IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace) THEN
      problem := 'is a table of the system catalog';
      hint := 'PostgreSQL has no triggers there.';
    ELSE
      RETURN;
  END CASE;
  RAISE EXCEPTION USING ERRCODE = 'TL005', MESSAGE = format('Threadline: %s %s', target, problem), HINT = hint;
END
$function$;
