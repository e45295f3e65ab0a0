-- The part of a capture function that records what one INSERT or DELETE wrote, out of its transition table.
--
-- The table is looked at first, in a block whose failure costs nothing: if its columns are not those that the
-- function was written for, the rows are taken one by one, as the table is now. LIMIT is for sessions with
-- plpgsql.extra_warnings or extra_errors, which ask for a second row.
CREATE OR REPLACE FUNCTION threadline_schema.capture_of_statement(parts jsonb)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT format(
    $body$
  IF TG_LEVEL = 'STATEMENT' THEN
    BEGIN
      SELECT %2$s INTO is_stale FROM changed_rows changed LIMIT 1;
    EXCEPTION WHEN OTHERS THEN
      is_stale := true;
    END;
    IF is_stale IS NOT FALSE THEN
      -- A statement that wrote nothing.
      IF is_stale IS NULL THEN RETURN NULL; END IF;
      opened := %1$s.current_transaction();
      FOR image IN EXECUTE %1$s.query_of_images(TG_RELID) LOOP
        INSERT INTO %1$s.audit_changes (transaction_id, table_schema, table_name, op, row_hash, table_pk, changed_from, data_after)
        SELECT
          opened, TG_TABLE_SCHEMA, TG_TABLE_NAME, lower(TG_OP),
          %1$s.row_hash(TG_TABLE_SCHEMA, TG_TABLE_NAME, compared.key), compared.key, compared.before, compared.after
        FROM %1$s.compare_images(
          TG_RELID, CASE WHEN TG_OP = 'DELETE' THEN image END, CASE WHEN TG_OP = 'INSERT' THEN image END, TG_ARGV[0]::jsonb, %3$s%6$s
        ) compared;
      END LOOP;
      RETURN NULL;
    END IF;
    IF TG_OP = 'INSERT' THEN%4$s    END IF;%5$s  END IF;
$body$,
    quote_ident('threadline_schema'),
    parts ->> 'columns_differ_in_changed',
    parts ->> 'known',
    threadline_schema.insert_changes(
      'op, table_schema, table_name, row_hash, table_pk, data_after', '''insert'', ' || written, 'changed_rows changed'
    ),
    threadline_schema.insert_changes(
      'op, table_schema, table_name, row_hash, table_pk, changed_from', '''delete'', ' || written, 'changed_rows changed'
    ),
    CASE WHEN parts ->> 'is_lost' IS NOT NULL THEN ', is_lost' END
  )
  FROM format(
    CASE
      WHEN (parts -> 'is_number')::boolean
      THEN 'TG_TABLE_SCHEMA, TG_TABLE_NAME, %1$s.table_hash(TG_TABLE_SCHEMA, TG_TABLE_NAME) | %3$s, %2$s, %4$s'
      ELSE 'TG_TABLE_SCHEMA, TG_TABLE_NAME, %1$s.row_hash(TG_TABLE_SCHEMA, TG_TABLE_NAME, %2$s, %3$s), %2$s, %4$s'
    END,
    quote_ident('threadline_schema'), parts ->> 'key_of_changed', coalesce(parts ->> 'number_of_changed', 'NULL::bigint'),
    parts ->> 'image_of_changed'
  ) written
$function$;
