-- Audits several tables, named as in SQL; all of them or none. options has those of each table, in the same order,
-- with NULL or nothing for a table that keeps what it has.
--
-- Without SET, so that a name without a schema is looked up on the caller's search path; therefore everything
-- in the body is qualified.
CREATE OR REPLACE FUNCTION threadline_schema.install_triggers(tables text[], options jsonb[] DEFAULT '{}')
RETURNS TABLE (table_name text, has_changed boolean)
LANGUAGE sql VOLATILE
AS $function$
  SELECT name, threadline_schema.install_trigger(threadline_schema.table_named(name, pg_catalog.to_regclass(name)), option)
  FROM ROWS FROM (pg_catalog.unnest(tables), pg_catalog.unnest(options)) AS wanted (name, option)
  WHERE name IS NOT NULL
$function$;
