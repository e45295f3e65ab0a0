-- verify(tables text[] DEFAULT NULL) RETURNS TABLE (code text, object text, message text, remedy text)
--
-- What is wrong with an installation: no row means that all is well. It reads the catalog and changes nothing. Given
-- tables, named as in SQL, it is about them only, and that one of them is not audited is a finding.
--
-- Without SET, so that a name without a schema is looked up on the caller's search path; therefore everything
-- in the body is qualified.
CREATE OR REPLACE FUNCTION threadline_schema.verify(tables text[] DEFAULT NULL)
RETURNS TABLE (code text, object text, message text, remedy text)
LANGUAGE sql STABLE
AS $function$
  SELECT *
  FROM threadline_schema.findings(
    CASE WHEN tables IS NOT NULL THEN ARRAY(
      SELECT threadline_schema.table_named(name, pg_catalog.to_regclass(name)) FROM pg_catalog.unnest(tables) AS name
    ) END
  )
$function$;
