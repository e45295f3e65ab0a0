-- Notes the name of an audited table. Where it is not the one that the table was last seen under, that is recorded as
-- the action table.renamed, and what the log holds under the former name stays with the table.
--
-- The name is the comment of the capture function: that stays with the table through renames, dumps and upgrades, which
-- its number (oid) does not, and unlike a row it can be written by any number of installers at once.
CREATE OR REPLACE FUNCTION threadline_schema.note_name(target regclass, capture text, is_new boolean)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $function$
DECLARE
  prefix constant text := 'Captures the rows of ';
  comment constant text := obj_description((format('%I.%I', 'threadline_schema', capture) || '()')::regprocedure, 'pg_proc');
  present text[];
  former text[];
  previous regclass;
  -- The end of a name that nobody else has yet.
  never constant bigint := 9223372036854775807;
BEGIN
  SELECT ARRAY[n.nspname::text, c.relname::text] INTO present
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.oid = target;
  IF starts_with(comment, prefix) THEN
    former := parse_ident(substring(comment FROM length(prefix) + 1));
  END IF;

  -- While a table was not audited, rows came and went unseen. Half of a baseline does not outlive a new name.
  DELETE FROM threadline_schema.baselines b
  WHERE ARRAY[b.table_schema, b.table_name] = present AND (is_new OR former <> present)
    OR ARRAY[b.table_schema, b.table_name] = former AND former <> present AND (is_new OR b.finished_at IS NULL);
  -- The name is this table's from now on. Until then it stands for the one that had it, also after that was renamed: while
  -- a schema is renamed others write to its tables, under the former name until that is committed.
  IF is_new OR former <> present THEN
    -- Also those of this very transaction, of which nobody knows yet: they are waited for, and find the new name afterwards.
    FOR previous IN
      SELECT c.oid
      FROM threadline_schema.table_renames r
      JOIN pg_namespace n ON n.nspname = r.table_schema
      JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = r.table_name
      WHERE ARRAY[r.former_schema, r.former_name] = present AND r.last_id = never AND r.renamed_at >= transaction_timestamp()
        AND c.relkind IN ('r', 'p')
    LOOP
      EXECUTE format('LOCK TABLE %s IN SHARE MODE', previous);
    END LOOP;
    UPDATE threadline_schema.table_renames r SET last_id = threadline_schema.last_change_id()
    WHERE ARRAY[r.former_schema, r.former_name] = present AND r.last_id = never;
  END IF;
  IF former = present THEN
    RETURN;
  ELSIF former IS NOT NULL AND NOT is_new THEN
    UPDATE threadline_schema.baselines b SET table_schema = present[1], table_name = present[2]
    WHERE ARRAY[b.table_schema, b.table_name] = former;
    INSERT INTO threadline_schema.table_renames (former_schema, former_name, table_schema, table_name, last_id, renamed_at)
    SELECT
      former[1], former[2], present[1], present[2],
      -- Nor is it where another one has it already: noted first, though renamed later.
      CASE WHEN EXISTS (
        SELECT FROM pg_class c
        JOIN pg_namespace n ON n.oid = c.relnamespace
        JOIN threadline_schema.audited_tables a ON a.relation = c.oid
        WHERE n.nspname = former[1] AND c.relname = former[2]
      ) THEN threadline_schema.last_change_id() ELSE never END,
      clock_timestamp();
    PERFORM threadline_schema.record_action('table.renamed', jsonb_build_object('meta', jsonb_build_object(
      'from', format('%I.%I', former[1], former[2]), 'to', format('%I.%I', present[1], present[2])
    )));
  END IF;
  EXECUTE format(
    'COMMENT ON FUNCTION %I.%I() IS %L',
    'threadline_schema', capture, prefix || format('%I.%I', present[1], present[2])
  );
END
$function$;
