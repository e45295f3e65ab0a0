-- The statements that baseline_batch runs for one table: batch records the next rows by key, rest what was changed since
-- the beginning; each again as _by_column, slower, where a value refuses to become JSON. batch is NULL for a table
-- without key. Parameters: the baseline, the id of the audit transaction, for batch the number of rows.
CREATE OR REPLACE FUNCTION threadline_schema.baseline_statements(
  target regclass,
  options jsonb,
  baseline threadline_schema.baselines,
  OUT batch text,
  OUT batch_by_column text,
  OUT rest text,
  OUT rest_by_column text
)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $function$
DECLARE
  parts constant jsonb := threadline_schema.capture_parts(target, options);
  own constant text := quote_ident('threadline_schema');
  image constant text := parts ->> 'image_of_changed';
  image_by_column constant text := format(
    '%s.redacted(%s::oid, %s.row_image(changed.*), %L, %s)', own, target::oid, own, options, parts ->> 'known'
  );
  -- Where the image goes. No name and no text has it in its SQL: one of the quotes would be doubled there.
  image_place constant text := $$the"image'here$$;
  partition_name constant text := CASE
    WHEN (SELECT c.relkind = 'p' FROM pg_class c WHERE c.oid = target) THEN 'changed.tableoid::regclass::text' ELSE 'NULL::text'
  END;
  source constant text := threadline_schema.own_rows(target);
  keys record;
  insertion text;
BEGIN
  -- Without the domains, whose checks are code of their owners, and with which enums cannot be compared; and of any
  -- length: character and bit alone are those of length 1, which the -1 of format_type is not.
  SELECT
    string_agg(key.value, ', ' ORDER BY c.key_position) AS columns,
    string_agg(format('%I %s', c.name, key.type), ', ' ORDER BY c.key_position) AS definitions,
    string_agg(format('(SELECT k.%I FROM last k)', c.name), ', ' ORDER BY c.key_position) AS bounds,
    string_agg(format('%s = k.%I', key.value, c.name), ' AND ' ORDER BY c.key_position) AS matches
  INTO keys
  FROM threadline_schema.captured_columns(target, options) c
  CROSS JOIN LATERAL format_type(threadline_schema.base_type(c.type), -1) base
  CROSS JOIN LATERAL (
    SELECT base, format(CASE WHEN base <> format_type(c.type, -1) THEN 'changed.%I::%s' ELSE 'changed.%I' END, c.name, base)
  ) key (type, value)
  WHERE c.key_position IS NOT NULL;

  insertion := format(
    $sql$INSERT INTO %s.audit_changes (
    id, transaction_id, captured_at, table_schema, table_name, partition_name, op, row_hash, table_pk, data_after
  ) OVERRIDING SYSTEM VALUE
  SELECT
    ($1).next_id + row_number() OVER (ORDER BY row.position) - 1, $2, ($1).started_at, ($1).table_schema, ($1).table_name,
    row.partition_name, 'baseline', %s.row_hash(($1).table_schema, ($1).table_name, row.key), row.key, row.image
  FROM row
  RETURNING 1$sql$, own, own
  );

  IF keys.columns IS NOT NULL THEN
    batch := format(
      $sql$WITH last AS (
  SELECT k.* FROM jsonb_to_record(($1).last_key) AS k (%1$s)
), page AS MATERIALIZED (
  SELECT %2$s AS partition_name, %3$s AS key, the"image'here AS image, row_number() OVER (ORDER BY %4$s) AS position
  FROM %5$s changed
  %6$s
  ORDER BY %4$s LIMIT $3
), row AS (
  SELECT page.* FROM page
  WHERE NOT EXISTS (
    SELECT FROM %7$s.audit_changes c
    WHERE c.row_hash = %7$s.row_hash(($1).table_schema, ($1).table_name, page.key) AND c.id > ($1).start_id
      AND (c.table_schema, c.table_name, c.table_pk) IS NOT DISTINCT FROM (($1).table_schema, ($1).table_name, page.key)
  )
), recorded AS (
  %8$s
)
SELECT (SELECT count(*) FROM page), (SELECT count(*) FROM recorded), (SELECT key FROM page ORDER BY position DESC LIMIT 1)$sql$,
      keys.definitions, partition_name, parts ->> 'key_of_changed', keys.columns, source,
      CASE WHEN baseline.last_key IS NOT NULL THEN format('WHERE (%s) > (%s)', keys.columns, keys.bounds) END,
      own, insertion
    );
  END IF;

  rest := format(
    $sql$WITH standing AS MATERIALIZED (
  SELECT c.* FROM %1$s.standing_changes(%2$L::regclass, ($1).start_id) c
), touched (key) AS MATERIALIZED (
  SELECT s.table_pk FROM standing s WHERE s.op <> 'baseline' UNION SELECT s.table_pk_before FROM standing s WHERE s.table_pk_before IS NOT NULL
), image (partition_name, key, image) AS (
  (
    SELECT %3$s, (%4$s)::text, (the"image'here)::text FROM %5$s
    UNION ALL
    SELECT
      s.partition_name, coalesce(s.table_pk_before, s.table_pk)::text,
      (CASE s.op WHEN 'update' THEN s.data_after || s.changed_from ELSE s.changed_from END)::text
    FROM standing s WHERE s.op IN ('update', 'delete')
  )
  EXCEPT ALL
  SELECT s.partition_name, s.table_pk::text, s.data_after::text FROM standing s
  WHERE s.op IN ('insert', 'update') OR s.op = 'baseline' AND (s.table_pk IS NULL OR s.table_pk IN (SELECT t.key FROM touched t))
), row AS (
  SELECT i.partition_name, i.key::jsonb AS key, i.image::jsonb AS image, 1 AS position FROM image i
), recorded AS (
  %6$s
)
SELECT count(*) FROM recorded$sql$,
    own, target::oid, partition_name, parts ->> 'key_of_changed',
    CASE
      WHEN keys.columns IS NULL THEN format('%s changed', source)
      -- The key as it is recorded as well: what the type calls equal (a and A, a month and 30 days) may be touched as two.
      ELSE format(
        'touched CROSS JOIN LATERAL jsonb_to_record(touched.key) AS k (%s) JOIN %s changed ON %s AND %s = touched.key',
        keys.definitions, source, keys.matches, parts ->> 'key_of_changed'
      )
    END,
    insertion
  );
  batch_by_column := replace(batch, image_place, image_by_column);
  batch := replace(batch, image_place, image);
  rest_by_column := replace(rest, image_place, image_by_column);
  rest := replace(rest, image_place, image);
END
$function$;
