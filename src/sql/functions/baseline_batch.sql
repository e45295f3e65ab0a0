-- baseline_batch(target regclass, max_rows integer DEFAULT 5000) RETURNS TABLE (recorded bigint, is_finished boolean)
--
-- Records the next rows of the baseline of a table that begin_baseline has begun. Called, each time in a transaction of
-- its own, until is_finished. Nobody waits for it, nor does it wait for a writer: it locks no row.
--
-- A row that the log has nothing about since the beginning is as it was then: it is recorded. The last call has those
-- that were changed in the meantime: what was there is what is there now, plus what the log saw go, minus what it saw
-- come. All of that is taken from one snapshot, in which a row and what the log has about it always belong together.
-- A table without a key is counted in this way as a whole, in one call.
CREATE OR REPLACE FUNCTION threadline_schema.baseline_batch(target regclass, max_rows integer DEFAULT 5000)
RETURNS TABLE (recorded bigint, is_finished boolean)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET TimeZone = 'UTC'
SET DateStyle = 'ISO, YMD'
SET IntervalStyle = 'postgres'
SET bytea_output = 'hex'
SET extra_float_digits = '1'
SET lc_monetary = 'C'
SET quote_all_identifiers = off
SET row_security = off
AS $function$
DECLARE
  baseline threadline_schema.baselines;
  options jsonb;
  opened bigint;
  statement record;
  seen bigint;
  reached jsonb;
BEGIN
  SELECT b.* INTO baseline
  FROM threadline_schema.baselines b
  JOIN threadline_schema.baseline_of(target) own USING (table_schema, table_name)
  FOR UPDATE OF b;
  SELECT a.options INTO options FROM threadline_schema.audited_tables a WHERE a.relation = target;
  IF baseline.finished_at IS NOT NULL THEN
    RETURN QUERY SELECT 0::bigint, true;
    RETURN;
  ELSIF baseline.shape IS DISTINCT FROM threadline_schema.shape_of(target, options) THEN
    RAISE EXCEPTION USING ERRCODE = 'TL030',
      MESSAGE = format('Threadline: there is no baseline of %s to go on with', target),
      HINT = 'Begin it with installTriggers and the option baseline: also again where the table was renamed or was given other columns or options in the meantime.';
  END IF;

  -- A snapshot from before the beginning lacks what was committed while that waited for its lock, and so does the log.
  IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') AND baseline.started_at >= transaction_timestamp() THEN
    RAISE EXCEPTION USING ERRCODE = 'TL030',
      MESSAGE = format('Threadline: the baseline of %s was begun after this transaction, which cannot see all of its rows', target),
      HINT = 'Call installTriggers with the option baseline in a transaction that is READ COMMITTED, or outside of one.';
  END IF;

  -- Not after the snapshot: a TRUNCATE in between would show the table empty and the log without it.
  EXECUTE format('LOCK TABLE %s IN ACCESS SHARE MODE', target);
  opened := threadline_schema.current_transaction();
  SELECT s.* INTO statement FROM threadline_schema.baseline_statements(target, options, baseline) s;
  IF statement.batch IS NULL THEN
    seen := 0;
  ELSE
    BEGIN
      EXECUTE statement.batch INTO seen, recorded, reached USING baseline, opened, max_rows;
    EXCEPTION WHEN data_exception THEN
      EXECUTE statement.batch_by_column INTO seen, recorded, reached USING baseline, opened, max_rows;
    END;
    baseline.last_key := reached;
    baseline.next_id := baseline.next_id + recorded;
    baseline.recorded := baseline.recorded + recorded;
  END IF;

  is_finished := statement.batch IS NULL OR seen = 0;
  IF is_finished THEN
    BEGIN
      EXECUTE statement.rest INTO recorded USING baseline, opened;
    EXCEPTION WHEN data_exception THEN
      EXECUTE statement.rest_by_column INTO recorded USING baseline, opened;
    END;
    baseline.next_id := baseline.next_id + recorded;
    baseline.recorded := baseline.recorded + recorded;
    baseline.finished_at := clock_timestamp();
  END IF;
  IF baseline.next_id > baseline.end_id + 1 THEN
    -- The ids that follow are those of later changes: taken here, they would make the writes fail that are given them.
    RAISE EXCEPTION USING ERRCODE = 'TL030',
      MESSAGE = format('Threadline: more rows came into %s unseen than there were when its baseline was begun', target),
      HINT = 'A partition was attached, or rows were written while its triggers did not fire. Begin anew: call uninstallTriggers, and then installTriggers with the option baseline.';
  END IF;
  UPDATE threadline_schema.baselines b
  SET last_key = baseline.last_key, next_id = baseline.next_id, recorded = baseline.recorded, finished_at = baseline.finished_at
  WHERE (b.table_schema, b.table_name) = (baseline.table_schema, baseline.table_name);
  IF is_finished THEN
    -- Updates may store the changed columns alone again, if that is what the table is to do.
    PERFORM threadline_schema.write_capture_function(threadline_schema.capture_function(target), target, options);
  END IF;
  RETURN NEXT;
END
$function$;
