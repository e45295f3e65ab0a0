-- The part of a capture function that makes a change out of NEW and OLD: of an update, and where they are not captured
-- by the statement, of an insert and a delete.
CREATE OR REPLACE FUNCTION threadline_schema.capture_of_row(parts jsonb, options jsonb, by_statement boolean)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT concat(
    E'  BEGIN\n',
    E'    IF ' || CASE
      WHEN by_statement THEN parts ->> 'columns_differ_in_new'
      ELSE format(
        '(CASE TG_OP WHEN ''DELETE'' THEN %s ELSE %s END)', parts ->> 'columns_differ_in_old', parts ->> 'columns_differ_in_new'
      )
    END || E' THEN RAISE undefined_column; END IF;\n',
    CASE WHEN NOT by_statement THEN format(
      $body$    IF TG_OP = 'INSERT' THEN
      key := %1$s;
%4$s      after := %3$s;
    ELSIF TG_OP = 'DELETE' THEN
      key := %2$s;
%5$s      before := %6$s;
    ELSE
$body$,
      parts ->> 'key_of_new', parts ->> 'key_of_old', parts ->> 'image_of_new',
      E'      number := ' || (parts ->> 'number_of_new') || E';\n',
      E'      number := ' || (parts ->> 'number_of_old') || E';\n',
      parts ->> 'image_of_old'
    ) END,
    -- What costs most comes last: an update that changes nothing gets as far as RETURN.
    format(
      $body$      fields := '{}';
      before := '{}';
%1$s%2$s%3$s%4$s      key := %5$s;
%6$s%7$s$body$,
      CASE WHEN NOT (parts -> 'stores_whole')::boolean THEN E'      after := ''{}'';\n' END,
      format(E'      IF %s THEN\n        key_before := %s;\n', parts ->> 'key_differs', parts ->> 'key_of_old')
        || (parts ->> 'key_comparisons') || E'      END IF;\n',
      parts ->> 'comparisons',
      '      ' || skipped,
      parts ->> 'key_of_new',
      E'      number := ' || (parts ->> 'number_of_new') || E';\n',
      CASE
        WHEN (parts -> 'stores_whole')::boolean THEN format(E'      after := %s;\n', parts ->> 'image_of_new')
        ELSE format(E'      IF key_before IS NOT NULL THEN after := %s; END IF;\n', parts ->> 'image_of_new')
      END
    ),
    CASE WHEN NOT by_statement THEN E'    END IF;\n' END,
    format(
      $body$  EXCEPTION WHEN OTHERS THEN
    SELECT (compared).* INTO key, key_before, fields, before, after
    FROM %1$s.compare_images(
      TG_RELID,
      CASE WHEN TG_OP <> 'INSERT' THEN %1$s.row_image(OLD) END,
      CASE WHEN TG_OP <> 'DELETE' THEN %1$s.row_image(NEW) END,
      TG_ARGV[0]::jsonb%3$s, %2$s%5$s
    ) compared;
%4$s    number := %1$s.key_number(key);
  END;
$body$,
      quote_ident('threadline_schema'), parts ->> 'known', CASE WHEN (parts -> 'stores_whole')::boolean THEN ' - ''images''' END,
      -- fields is NULL but for an update.
      '    ' || skipped,
      CASE WHEN parts ->> 'is_lost' IS NOT NULL THEN ', is_lost' END
    )
  )
  FROM (
    SELECT E'IF ' || CASE
      WHEN options ->> 'noop' = 'record' THEN 'fields <> ''{}'' AND ' || ignored
      ELSE coalesce(ignored, 'fields = ''{}''')
    END || E' THEN RETURN NULL; END IF;\n'
    FROM (
      SELECT CASE WHEN options ? 'ignore' THEN
        format('fields <@ %L::text[]', ARRAY(SELECT jsonb_array_elements_text(options -> 'ignore')))
      END
    ) list (ignored)
  ) skip (skipped)
$function$;
