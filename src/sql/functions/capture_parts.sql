-- What the capture function of a table is put together from, as SQL texts by name:
--   key_of_new, key_of_old, key_of_changed   the key of a row, of the record of that name
--   number_of_new, number_of_old, number_of_changed   the number that this key is; NULL where it cannot be one
--   key_differs                              whether an update changed the key
--   key_comparisons, comparisons             what it does about each column of the key, and about each other column
--   image_suffix                             what makes an image out of to_jsonb(row)
--   hidden_of_new, hidden_of_old             the columns that are not to be seen; naming them fails once they are renamed
--   is_lost                                  the declaration of the variable that says whether a hidden column may have
--                                            been renamed; NULL where none is hidden
--   columns_fit                              true, without a cost, and an error where the columns are not those
--   known                                    the columns and their numbers, as a jsonb literal
--   has_grown                                whether a column was added to the table
--   types_differ_of_new, _of_old, _of_changed whether a row has types that are not to become JSON; NULL where it cannot
--   stores_whole                             whether an update that leaves the key alone stores all of the row: without
--                                            images: 'changed', without a key, and while a baseline counts with it
CREATE OR REPLACE FUNCTION threadline_schema.capture_parts(target regclass, options jsonb)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT jsonb_build_object(
    'key_of_new', coalesce('jsonb_build_object(' || string_agg(format('%L, NEW.%I', c.name, c.name), ', ' ORDER BY c.key_position)
      FILTER (WHERE c.key_position IS NOT NULL) || ')', 'NULL::jsonb'),
    'key_of_old', coalesce('jsonb_build_object(' || string_agg(format('%L, OLD.%I', c.name, c.name), ', ' ORDER BY c.key_position)
      FILTER (WHERE c.key_position IS NOT NULL) || ')', 'NULL::jsonb'),
    'key_of_changed', coalesce('jsonb_build_object(' || string_agg(format('%L, changed.%I', c.name, c.name), ', ' ORDER BY c.key_position)
      FILTER (WHERE c.key_position IS NOT NULL) || ')', 'NULL::jsonb'),
    'number_of_new', min(threadline_schema.number_of_key('NEW', c.only_key, c.is_integer, c.is_text)),
    'number_of_old', min(threadline_schema.number_of_key('OLD', c.only_key, c.is_integer, c.is_text)),
    'number_of_changed', min(threadline_schema.number_of_key('changed', c.only_key, c.is_integer, c.is_text)),
    'key_differs', coalesce(string_agg(c.differs, ' OR ' ORDER BY c.key_position) FILTER (WHERE c.key_position IS NOT NULL), 'false'),
    'key_comparisons', string_agg(c.comparison, '' ORDER BY c.attnum) FILTER (WHERE c.key_position IS NOT NULL),
    'comparisons', coalesce(string_agg(c.comparison, '' ORDER BY c.attnum) FILTER (WHERE c.key_position IS NULL), ''),
    'image_suffix', threadline_schema.image_suffix(target, options),
    'hidden_of_new', (SELECT string_agg(format('NEW.%I', name), ', ' ORDER BY name) FROM (
      SELECT jsonb_array_elements_text(options -> 'exclude') UNION SELECT jsonb_object_keys(options -> 'mask')
    ) hidden (name)),
    'hidden_of_old', (SELECT string_agg(format('OLD.%I', name), ', ' ORDER BY name) FROM (
      SELECT jsonb_array_elements_text(options -> 'exclude') UNION SELECT jsonb_object_keys(options -> 'mask')
    ) hidden (name)),
    'is_lost', CASE WHEN options ?| '{exclude,mask}' THEN threadline_schema.declaration_of_lost(false) END,
    'columns_fit', threadline_schema.columns_fit(target, min(threadline_schema.number_of_key('changed', c.only_key, c.is_integer, c.is_text))),
    'known', quote_literal((
      SELECT coalesce(jsonb_object_agg(a.attname, a.attnum), '{}') FROM pg_attribute a
      WHERE a.attrelid = target AND a.attnum > 0 AND NOT a.attisdropped
    )::text),
    'types_differ_of_new', threadline_schema.types_differ(target, 'NEW'),
    'types_differ_of_old', threadline_schema.types_differ(target, 'OLD'),
    'types_differ_of_changed', threadline_schema.types_differ(target, 'changed'),
    'stores_whole', bool_and(c.stores_whole),
    'has_grown', (
      SELECT format(
        'has_column_privilege(%s, %s::int2, ''SELECT'') IS NOT NULL',
        CASE relation.relkind WHEN 'p' THEN 'pg_partition_root(TG_RELID)' ELSE 'TG_RELID' END, relation.relnatts + 1
      )
      FROM pg_class relation WHERE relation.oid = target
    )
  )
  FROM (
    SELECT columns.*, whole.is_stored AS stores_whole,
      CASE WHEN columns.key_position IS NOT NULL AND count(columns.key_position) OVER () = 1 THEN columns.name END AS only_key,
      concat(
        format(
          E'      IF %2$s THEN fields := fields || %1$L::text; before := before || jsonb_build_object(%1$L, %3$s);',
          columns.name, columns.differs, columns.value_before
        ),
        CASE WHEN NOT whole.is_stored THEN format(' after := after || jsonb_build_object(%L, %s);', columns.name, columns.value_after) END,
        E' END IF;\n'
      ) AS comparison
    FROM threadline_schema.captured_columns(target, options) columns
    CROSS JOIN (
      SELECT options ->> 'images' IS DISTINCT FROM 'changed'
        OR NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = target AND i.indisprimary)
        OR EXISTS (SELECT FROM threadline_schema.baseline_of(target) b WHERE b.finished_at IS NULL)
    ) whole (is_stored)
  ) c
$function$;
