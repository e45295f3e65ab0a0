-- probe_capture(target regclass) RETURNS text
--
-- Tries out whether an update of an audited table is recorded: changes one value of one row that nobody has locked,
-- looks into the log, and rolls all of it back. Returns captured; lost; or why nothing could be tried out: empty, busy
-- (locked by others) or impossible (no column takes another value, or the right to update is missing).
--
-- The user's own triggers run as for any update. What is beyond a rollback stays: numbers taken from sequences, and what
-- such a trigger does outside of the database. The statement runs under the caller's search path, which those triggers
-- may need, and at most two seconds are spent on waiting for a lock.
CREATE OR REPLACE FUNCTION threadline_schema.probe_capture(
  target regclass,
  caller_search_path text DEFAULT pg_catalog.current_setting('search_path')
)
RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $function$
DECLARE
  outcome text := 'impossible';
  source constant text := threadline_schema.own_rows(target);
  options jsonb;
  own_transaction bigint;
  row_table oid;
  row_place tid;
  row_before text;
  row_after text;
  attempt record;
BEGIN
  BEGIN
    PERFORM set_config('lock_timeout', '2s', true);
    SELECT s.options INTO options FROM threadline_schema.table_states(ARRAY[target]) s;
    PERFORM set_config('threadline.actor_ref', '{"type":"system","id":"threadline.verify"}', true);
    PERFORM set_config('threadline.context', '{"source":"threadline.verify"}', true);
    own_transaction := threadline_schema.current_transaction();

    EXECUTE format('SELECT t.tableoid, t.ctid, (t.*)::text FROM %s t LIMIT 1 FOR UPDATE SKIP LOCKED', source)
    INTO row_table, row_place, row_before;
    IF row_place IS NULL THEN
      EXECUTE format('SELECT CASE WHEN EXISTS (SELECT FROM %s) THEN ''busy'' ELSE ''empty'' END', source) INTO outcome;
    ELSE
      FOR attempt IN
        SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, value
        FROM pg_attribute a
        CROSS JOIN unnest(ARRAY[NULL, '0', '1', '', 'x', 'true', 'false', '{}', '[]', '2000-01-01', '1 day',
          '00000000-0000-0000-0000-000000000000'] || ARRAY(
            SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = a.atttypid ORDER BY e.enumsortorder LIMIT 2
          )) WITH ORDINALITY candidate (value, position)
        WHERE a.attrelid = target AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND a.attidentity <> 'a'
          AND NOT (a.attnotnull AND value IS NULL)
          -- Columns that an option names may not be recorded.
          AND NOT EXISTS (SELECT FROM jsonb_each(options) o WHERE o.value ? a.attname)
        -- Columns of keys and constraints last: there most values are refused.
        ORDER BY EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = target AND a.attnum = ANY (k.conkey)), a.attnum, position
        LIMIT 500
      LOOP
        BEGIN
          row_after := NULL;
          PERFORM set_config('search_path', caller_search_path, true);
          EXECUTE format(
            'UPDATE %s t SET %I = %L::%s WHERE t.ctid OPERATOR(pg_catalog.=) $1 AND t.tableoid OPERATOR(pg_catalog.=) $2 RETURNING (t.*)::text',
            target, attempt.name, attempt.value, attempt.type
          ) INTO row_after USING row_place, row_table;
          PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
          IF row_after <> row_before THEN
            outcome := CASE WHEN EXISTS (
              SELECT FROM threadline_schema.audit_changes c
              JOIN pg_class r ON r.oid = coalesce(pg_partition_root(target), target)
              WHERE c.transaction_id = own_transaction AND c.table_name = r.relname
            ) THEN 'captured' ELSE 'lost' END;
          END IF;
          RAISE SQLSTATE 'TL0RB';
        EXCEPTION
          WHEN SQLSTATE 'TL0RB' THEN EXIT WHEN outcome <> 'impossible';
          WHEN OTHERS THEN NULL;
        END;
      END LOOP;
    END IF;
    RAISE SQLSTATE 'TL0RB';
  EXCEPTION
    WHEN SQLSTATE 'TL0RB' THEN NULL;
    WHEN lock_not_available THEN outcome := 'busy';
    WHEN OTHERS THEN outcome := 'impossible';
  END;
  RETURN outcome;
END
$function$;
