-- Audits several tables, named as in SQL; all of them or none. options has those of each table, in the same order,
-- with NULL or nothing for a table that keeps what it has. With baseline, that of each table is begun where it has none,
-- for baseline_batch to go on with.
--
-- Without SET, so that a name without a schema is looked up on the caller's search path; therefore everything
-- in the body is qualified.
CREATE OR REPLACE FUNCTION threadline_schema.install_triggers(tables text[], options jsonb[] DEFAULT '{}', baseline boolean DEFAULT false)
RETURNS TABLE (table_name text, has_changed boolean)
LANGUAGE sql VOLATILE
AS $function$
  SELECT threadline_schema.lock_unaudited(ARRAY(SELECT pg_catalog.to_regclass(name) FROM pg_catalog.unnest(tables) name));
  WITH installed AS MATERIALIZED (
    SELECT wanted.name, relation, threadline_schema.install_trigger(relation, wanted.option) AS has_changed
    FROM ROWS FROM (pg_catalog.unnest(tables), pg_catalog.unnest(options)) AS wanted (name, option)
    CROSS JOIN LATERAL (SELECT threadline_schema.table_named(wanted.name, pg_catalog.to_regclass(wanted.name))) found (relation)
    WHERE wanted.name IS NOT NULL
  )
  SELECT i.name, CASE WHEN baseline THEN threadline_schema.begin_baseline(i.relation) OR i.has_changed ELSE i.has_changed END
  FROM installed i
  -- Where nothing follows what becomes of partitions.
  CROSS JOIN threadline_schema.drop_strayed_triggers() strayed
$function$;
