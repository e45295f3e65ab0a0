-- Writes the body of the function that captures the rows of one table.
--
-- Columns are compared by name, one IF each: several times cheaper than taking both rows apart as jsonb. Whatever
-- fails there is left to compare_images, so that no write fails and nothing is lost: a json document that jsonb
-- refuses, and columns that are no longer those that the function was written for. A column that was dropped,
-- renamed or retyped raises; an added one is looked for.
CREATE OR REPLACE FUNCTION threadline_schema.capture_body(target regclass, options jsonb)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  is_partitioned constant boolean := (SELECT c.relkind = 'p' FROM pg_class c WHERE c.oid = target);
  key_of_new text;
  key_of_old text;
  key_differs text;
  comparisons text;
  next_column integer;
  virtual_columns text[];
BEGIN
  SELECT c.relnatts + 1, array_agg(a.attname) INTO next_column, virtual_columns
  FROM pg_class c
  LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attgenerated = 'v' AND NOT a.attisdropped
  WHERE c.oid = target
  GROUP BY c.relnatts;

  SELECT
    'jsonb_build_object(' || string_agg(format('%L, NEW.%I', c.name, c.name), ', ' ORDER BY c.key_position)
      FILTER (WHERE c.key_position IS NOT NULL) || ')',
    'jsonb_build_object(' || string_agg(format('%L, OLD.%I', c.name, c.name), ', ' ORDER BY c.key_position)
      FILTER (WHERE c.key_position IS NOT NULL) || ')',
    string_agg(c.differs, ' OR ' ORDER BY c.key_position) FILTER (WHERE c.key_position IS NOT NULL),
    string_agg(format(
      E'      IF %2$s THEN fields := fields || %1$L::text; before := before || jsonb_build_object(%1$L, OLD.%1$I); END IF;\n',
      c.name, c.differs
    ), '' ORDER BY c.attnum)
  INTO key_of_new, key_of_old, key_differs, comparisons
  FROM threadline_schema.captured_columns(target) c;

  RETURN format(
    $body$
-- Written by %1$s.install_trigger.
DECLARE
  actor_text text := coalesce(current_setting('threadline.actor_ref', true), '');
  context_text text := coalesce(current_setting('threadline.context', true), '');
  place tid;
  root_schema text;
  root_table text;
  key jsonb;
  key_before jsonb;
  fields text[];
  before jsonb;
  after jsonb;
BEGIN
  BEGIN
    IF TG_OP = 'INSERT' THEN
      key := %2$s;
      after := to_jsonb(NEW)%9$s;
    ELSIF TG_OP = 'DELETE' THEN
      key := %3$s;
      before := to_jsonb(OLD)%9$s;
    ELSE
      IF has_column_privilege(%6$s, %7$s::int2, 'SELECT') IS NOT NULL THEN RAISE undefined_column; END IF;
      key := %2$s;
      IF %4$s THEN key_before := %3$s; END IF;
      fields := '{}';
      before := '{}';
%5$s      after := to_jsonb(NEW)%9$s;
    END IF;
  EXCEPTION WHEN OTHERS THEN
    SELECT (compared).* INTO key, key_before, fields, before, after
    FROM %1$s.compare_images(
      TG_RELID,
      CASE WHEN TG_OP <> 'INSERT' THEN %1$s.row_image(OLD) END,
      CASE WHEN TG_OP <> 'DELETE' THEN %1$s.row_image(NEW) END
    ) compared;
  END;
%8$s
  IF current_setting('threadline.transaction_key', true) = %1$s.transaction_key(actor_text, context_text) THEN
    place := current_setting('threadline.transaction_place', true);
  ELSE
    place := %1$s.open_transaction(actor_text, context_text);
  END IF;
  LOOP
    INSERT INTO %1$s.audit_changes (
      transaction_id, captured_at, table_schema, table_name, partition_name, op,
      table_pk, table_pk_before, changed_fields, changed_from, data_after
    )
    SELECT
      t.id, clock_timestamp(), %10$s, lower(TG_OP),
      key, key_before, fields, before, after
    FROM %1$s.audit_transactions t
    WHERE t.ctid = place AND t.xid = pg_current_xact_id();
    EXIT WHEN FOUND;
    -- Somebody wrote the settings by hand: the row is not there, or not of this transaction.
    place := %1$s.open_transaction(actor_text, context_text);
  END LOOP;
  RETURN NULL;
END
$body$,
    quote_ident('threadline_schema'),
    coalesce(key_of_new, 'NULL'),
    coalesce(key_of_old, 'NULL'),
    coalesce(key_differs, 'false'),
    coalesce(comparisons, ''),
    CASE WHEN is_partitioned THEN 'pg_partition_root(TG_RELID)' ELSE 'TG_RELID' END,
    next_column,
    CASE WHEN is_partitioned THEN threadline_schema.name_of_root(target) END,
    CASE WHEN virtual_columns[1] IS NOT NULL THEN format(' - %L::text[]', virtual_columns) END,
    CASE WHEN is_partitioned THEN 'root_schema, root_table, TG_RELID::regclass' ELSE 'TG_TABLE_SCHEMA, TG_TABLE_NAME, NULL' END
  );
END
$function$;
