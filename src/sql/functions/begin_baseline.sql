-- Begins the baseline of an audited table, where there is none yet, or only an unfinished one from before the table was
-- given other columns or options. Returns whether it did.
--
-- The baseline is of one moment: that of this transaction, in which nobody else is writing to the table. The lock is
-- the one that creating triggers takes. All that was written before is in the table, all that is written after it will
-- be in the log, and which rows were there can be told from the two at any later time: see baseline_batch. The rows
-- get ids that lie between those of the changes before and after, so that the log tells them in this order.
CREATE OR REPLACE FUNCTION threadline_schema.begin_baseline(target regclass)
RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $function$
DECLARE
  -- More than the log can be given between two calls of a function.
  margin constant bigint := 1000000;
  names record;
  audited record;
  present_shape text;
  capacity bigint;
  part regclass;
  rows_of_part bigint;
  start_id bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('threadline ' || 'threadline_schema', 0));
  SELECT n.nspname AS schema, c.relname AS name INTO names
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.oid = target;
  SELECT a.* INTO audited FROM threadline_schema.audited_tables a WHERE a.relation = target;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'TL030',
      MESSAGE = format('Threadline: %s is not audited', target),
      HINT = 'Install its triggers first: a baseline is what the changes after it count from.';
  END IF;
  present_shape := threadline_schema.shape_of(target, audited.options);
  IF EXISTS (
    SELECT FROM threadline_schema.baselines b
    WHERE (b.table_schema, b.table_name) = (names.schema, names.name) AND (b.finished_at IS NOT NULL OR b.shape = present_shape)
  ) THEN
    RETURN false;
  END IF;

  PERFORM threadline_schema.lock_tables(ARRAY[target]);
  -- In line, where that has given up.
  EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', target);
  -- No page of a heap holds more than 291 rows of 8 kB, and in proportion.
  SELECT sum(pg_relation_size(l.relid)) / 27 INTO capacity
  FROM (SELECT target AS relid UNION SELECT p.relid FROM pg_partition_tree(target) p) l;
  -- What is stored elsewhere, or in another way, is counted.
  FOR part IN
    SELECT c.oid
    FROM (SELECT target AS relid UNION SELECT p.relid FROM pg_partition_tree(target) p) l
    JOIN pg_class c ON c.oid = l.relid
    WHERE c.relkind = 'f' OR c.relam NOT IN (SELECT m.oid FROM pg_am m WHERE m.amname = 'heap' UNION SELECT 0)
  LOOP
    EXECUTE format('SELECT count(*) FROM ONLY %s', part) INTO rows_of_part;
    capacity := capacity + rows_of_part;
  END LOOP;
  start_id := threadline_schema.last_change_id() + margin;
  PERFORM setval(
    pg_get_serial_sequence(quote_ident('threadline_schema') || '.audit_changes', 'id')::regclass, start_id + capacity + 1
  );
  DELETE FROM threadline_schema.baselines b WHERE (b.table_schema, b.table_name) = (names.schema, names.name);
  INSERT INTO threadline_schema.baselines (table_schema, table_name, shape, started_at, start_id, next_id, end_id)
  VALUES (names.schema, names.name, present_shape, clock_timestamp(), start_id, start_id + 1, start_id + capacity);
  -- Until it is finished, updates store whole rows: see capture_parts.
  PERFORM threadline_schema.write_capture_function(threadline_schema.capture_function(target), target, audited.options);
  RETURN true;
END
$function$;
