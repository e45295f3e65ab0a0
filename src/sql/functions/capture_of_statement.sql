-- The part of a capture function that records what one INSERT or DELETE wrote, out of its transition table.
--
-- The first row is tried first, in a block whose failure costs nothing: if its columns are not those that the
-- function was written for, the rows are taken one by one, as the table is now.
CREATE OR REPLACE FUNCTION threadline_schema.capture_of_statement(parts jsonb)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT format(
    $body$
  IF TG_LEVEL = 'STATEMENT' THEN
    BEGIN
%9$s      IF is_stale IS NOT TRUE THEN
        PERFORM %2$s, %3$s%4$s FROM changed_rows changed LIMIT 1;
        IF NOT FOUND THEN RETURN NULL; END IF;
        is_stale := %7$s;
      END IF;
    EXCEPTION WHEN OTHERS THEN
      is_stale := true;
    END;
%5$s
    LOOP
      IF NOT is_stale THEN
        INSERT INTO %1$s.audit_changes (
          transaction_id, captured_at, table_schema, table_name, op, row_hash, table_pk, changed_from, data_after
        )
        SELECT
          t.id, clock_timestamp(), TG_TABLE_SCHEMA, TG_TABLE_NAME, lower(TG_OP),
          %1$s.row_hash(TG_TABLE_SCHEMA, TG_TABLE_NAME, %2$s), %2$s,
          CASE WHEN TG_OP = 'DELETE' THEN %3$s END, CASE WHEN TG_OP = 'INSERT' THEN %3$s END
        FROM %1$s.audit_transactions t, changed_rows changed
        WHERE t.ctid = place AND t.xid = pg_current_xact_id();
        EXIT WHEN FOUND;
        place := %1$s.open_transaction(actor_text, context_text);
      ELSE
        place := %1$s.current_transaction();
        FOR image IN EXECUTE format('SELECT %%I.row_image(changed::%%s) FROM changed_rows changed', %8$L, TG_RELID::regclass) LOOP
          INSERT INTO %1$s.audit_changes (
            transaction_id, captured_at, table_schema, table_name, op, row_hash, table_pk, changed_from, data_after
          )
          SELECT
            t.id, clock_timestamp(), TG_TABLE_SCHEMA, TG_TABLE_NAME, lower(TG_OP),
            %1$s.row_hash(TG_TABLE_SCHEMA, TG_TABLE_NAME, compared.key), compared.key, compared.before, compared.after
          FROM %1$s.audit_transactions t, %1$s.compare_images(
            TG_RELID, CASE WHEN TG_OP = 'DELETE' THEN image END, CASE WHEN TG_OP = 'INSERT' THEN image END, TG_ARGV[0]::jsonb, %6$s
          ) compared
          WHERE t.ctid = place AND t.xid = pg_current_xact_id();
        END LOOP;
        EXIT;
      END IF;
    END LOOP;
    RETURN NULL;
  END IF;
$body$,
    quote_ident('threadline_schema'),
    parts ->> 'key_of_changed',
    'to_jsonb(changed.*)' || (parts ->> 'image_suffix'),
    ', num_nulls(' || replace(parts ->> 'hidden', 'ROW.', 'changed.') || ')',
    threadline_schema.place_of_transaction(),
    parts ->> 'known',
    parts ->> 'has_grown',
    'threadline_schema',
    CASE WHEN parts ->> 'types_differ' IS NOT NULL THEN format(
      E'      SELECT %s OR %s INTO is_stale FROM changed_rows changed LIMIT 1;\n      IF NOT FOUND THEN RETURN NULL; END IF;\n',
      parts ->> 'has_grown', replace(parts ->> 'types_differ', 'ROW.', 'changed.')
    ) END
  )
$function$;
