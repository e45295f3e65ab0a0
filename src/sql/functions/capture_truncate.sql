-- Captures TRUNCATE of any audited table, and of a leaf of one. Before it, by the option truncate of the table: fails
-- it, or records each row as deleted. After it: records that it happened.
CREATE OR REPLACE FUNCTION threadline_schema.capture_truncate()
RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET TimeZone = 'UTC'
SET DateStyle = 'ISO, YMD'
SET IntervalStyle = 'postgres'
SET bytea_output = 'hex'
SET extra_float_digits = '1'
SET lc_monetary = 'C'
SET quote_all_identifiers = 'off'
SET row_security = off
AS $function$
DECLARE
  options constant jsonb := TG_ARGV[0];
  root constant regclass := coalesce(pg_partition_root(TG_RELID), TG_RELID);
  partition_name constant text := CASE WHEN root <> TG_RELID THEN TG_RELID::regclass END;
  -- None where one that is not to be seen may have been renamed: see redacted.
  known constant jsonb := (
    SELECT jsonb_object_agg(a.attname, a.attnum) FROM pg_attribute a
    WHERE a.attrelid = root AND a.attnum > 0 AND NOT a.attisdropped AND NOT EXISTS (
      SELECT jsonb_object_keys(options -> 'mask') UNION ALL SELECT jsonb_array_elements_text(options -> 'exclude')
      EXCEPT SELECT c.attname FROM pg_attribute c WHERE c.attrelid = root AND c.attnum > 0 AND NOT c.attisdropped
    )
  );
  is_lost constant boolean := EXISTS (
    SELECT FROM threadline_schema.audited_tables a
    JOIN pg_proc p ON p.oid = a.capture
    WHERE a.relation = root AND strpos(p.prosrc, threadline_schema.declaration_of_lost(true)) > 0
  );
  names record;
  opened bigint;
  image jsonb;
BEGIN
  IF TG_WHEN = 'BEFORE' AND options ->> 'truncate' = 'reject' THEN
    RAISE EXCEPTION USING ERRCODE = 'TL009',
      MESSAGE = format('Threadline: TRUNCATE of %s is not allowed', TG_RELID::regclass),
      HINT = 'Use DELETE, which is recorded row by row, or install its triggers with another option truncate.';
  ELSIF options ->> 'onMissingActor' = 'reject' THEN
    PERFORM threadline_schema.require_actor(root);
  END IF;

  opened := threadline_schema.current_transaction();
  SELECT n.nspname AS schema, c.relname AS name INTO names
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.oid = root;
  IF TG_WHEN = 'BEFORE' THEN
    FOR image IN EXECUTE format('SELECT %I.row_image(r.*) FROM ONLY %s r', 'threadline_schema', TG_RELID::regclass) LOOP
      INSERT INTO threadline_schema.audit_changes (
        transaction_id, captured_at, table_schema, table_name, partition_name, op, row_hash, table_pk, changed_from
      )
      SELECT
        opened, clock_timestamp(), names.schema, names.name, partition_name, 'delete',
        threadline_schema.row_hash(names.schema, names.name, gone.key), gone.key, gone.before
      FROM threadline_schema.compare_images(TG_RELID, image, NULL, options, CASE WHEN NOT is_lost THEN coalesce(known, '{}') ELSE '{}' END, is_lost) gone;
    END LOOP;
  ELSE
    INSERT INTO threadline_schema.audit_changes (transaction_id, captured_at, table_schema, table_name, partition_name, op, row_hash)
    VALUES (
      opened, clock_timestamp(), names.schema, names.name, partition_name, 'truncate',
      threadline_schema.row_hash(names.schema, names.name, NULL)
    );
  END IF;
  RETURN NULL;
END
$function$;
