-- The tables of users, or those that are named, each with the state of its audit: covered, uncovered, disabled or
-- drifted, with the options as installed, and with what is wrong.
--
-- The name of a table is qualified whatever the search path of the caller. A partition counts as its root, and tables of extensions as none of the user's.
CREATE OR REPLACE FUNCTION threadline_schema.table_states(tables regclass[] DEFAULT NULL)
RETURNS TABLE (relation regclass, relation_name text, state text, options jsonb, problems jsonb)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $function$
  WITH candidate AS (
    SELECT c.oid
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE tables IS NULL AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
      AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'threadline_schema'
      AND NOT EXISTS (
        SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
      )
    UNION
    SELECT coalesce(pg_partition_root(named), named) FROM unnest(tables) named
  ), installed AS (
    SELECT DISTINCT ON (t.tgrelid)
      t.tgrelid, convert_from(substring(t.tgargs FOR length(t.tgargs) - 1), getdatabaseencoding())::jsonb AS options
    FROM candidate
    JOIN pg_trigger t ON t.tgrelid = candidate.oid AND t.tgparentid = 0 AND t.tgnargs > 0
    JOIN pg_proc p ON p.oid = t.tgfoid AND p.pronamespace = quote_ident('threadline_schema')::regnamespace
    ORDER BY t.tgrelid, t.tgname NOT IN ('00_threadline_insert', '00_threadline_change'), t.tgname
  ), judged AS MATERIALIZED (
    -- Once for each table: what is asked of problems below would otherwise find them anew each time.
    SELECT
      candidate.oid::regclass AS relation, installed.options, installed.tgrelid IS NOT NULL AS is_audited,
      CASE WHEN installed.tgrelid IS NOT NULL THEN (
        SELECT jsonb_agg(to_jsonb(p))
        FROM threadline_schema.table_problems(installed.tgrelid, installed.options) p
      ) END AS problems
    FROM candidate
    LEFT JOIN installed ON installed.tgrelid = candidate.oid
  )
  SELECT
    relation,
    relation::text,
    CASE
      WHEN NOT is_audited THEN 'uncovered'
      WHEN problems @> '[{"code": "table_disabled"}]' THEN 'disabled'
      WHEN problems @> '[{"code": "table_drifted"}]' THEN 'drifted'
      ELSE 'covered'
    END,
    options,
    CASE WHEN is_audited THEN coalesce(problems, '[]') END
  FROM judged
  ORDER BY relation::text COLLATE "C"
$function$;
