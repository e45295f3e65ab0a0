-- The ids of one page of the history of a row that most rows are: one that never changed its key, in a table that kept
-- its name and was never truncated. Newest first, below the id before_id. Of any other row it returns none.
--
-- In PL/pgSQL, which plans this once for a session: that takes several times as long as to run it. The names are compared
-- by a condition that no index serves: taken for few, the changes of the table would all be read for those of the row.
CREATE OR REPLACE FUNCTION threadline_schema.plain_history(
  wanted_schema text, wanted_name text, wanted_key jsonb, before_id bigint, page integer
)
RETURNS bigint[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  hash bigint := threadline_schema.row_hash(wanted_schema, wanted_name, wanted_key);
  own bigint[];
BEGIN
  own := ARRAY(
    SELECT c.id
    FROM threadline_schema.audit_changes c
    WHERE c.row_hash = hash AND c.id < before_id
      AND (c.table_schema, c.table_name, c.table_pk) IS NOT DISTINCT FROM (wanted_schema, wanted_name, wanted_key)
    ORDER BY c.id DESC
    LIMIT page
  );
  IF EXISTS (
    -- It came to its key by a change, of which this page may have to tell what was before.
    SELECT FROM threadline_schema.audit_changes c
    WHERE c.row_hash = hash AND c.table_pk_before IS NOT NULL
      AND (c.table_schema, c.table_name, c.table_pk) IS NOT DISTINCT FROM (wanted_schema, wanted_name, wanted_key)
      AND c.id >= CASE WHEN cardinality(own) < page THEN 0 ELSE own[page] END
  ) OR EXISTS (
    SELECT FROM threadline_schema.audit_changes c
    WHERE c.table_pk_before = wanted_key AND (c.table_schema, c.table_name) IS NOT DISTINCT FROM (wanted_schema, wanted_name)
  ) OR EXISTS (
    SELECT FROM threadline_schema.audit_changes c
    WHERE c.row_hash = threadline_schema.row_hash(wanted_schema, wanted_name, NULL) AND c.op = 'truncate'
      AND (c.table_schema, c.table_name) IS NOT DISTINCT FROM (wanted_schema, wanted_name)
  ) THEN
    RETURN '{}';
  END IF;
  RETURN own;
END
$function$;
