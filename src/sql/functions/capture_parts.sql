-- What the capture function of a table is put together from, as SQL texts by name:
--   key_of_new, key_of_old, key_of_changed   the key of a row, of the record of that name
--   number_of_new, number_of_old, number_of_changed   the number that this key is; NULL where it cannot be one
--   is_number                                whether it always is one
--   key_differs                              whether an update changed the key
--   key_comparisons, comparisons             what it does about each column of the key, and about each other column
--   image_of_new, image_of_old, image_of_changed   the image of the row
--   is_lost                                  the declaration of the variable that says whether a hidden column may have
--                                            been renamed; NULL where none is hidden
--   known                                    the columns and their numbers, as a jsonb literal
--   columns_differ_in_new, _in_old, _in_changed   whether the columns are no longer those, and an error where one has
--                                            another name
--   stores_whole                             whether an update that leaves the key alone stores all of the row: without
--                                            images: 'changed', without a key, and while a baseline counts with it
CREATE OR REPLACE FUNCTION threadline_schema.capture_parts(target regclass, options jsonb)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT jsonb_build_object(
    'key_of_new', coalesce('jsonb_build_object(' || string_agg(format('%L, %s', c.name, threadline_schema.value_of('NEW', c.name, c.type)), ', ' ORDER BY c.key_position)
      FILTER (WHERE c.key_position IS NOT NULL) || ')', 'NULL::jsonb'),
    'key_of_old', coalesce('jsonb_build_object(' || string_agg(format('%L, %s', c.name, threadline_schema.value_of('OLD', c.name, c.type)), ', ' ORDER BY c.key_position)
      FILTER (WHERE c.key_position IS NOT NULL) || ')', 'NULL::jsonb'),
    'key_of_changed', coalesce('jsonb_build_object(' || string_agg(format('%L, %s', c.name, threadline_schema.value_of('changed', c.name, c.type)), ', ' ORDER BY c.key_position)
      FILTER (WHERE c.key_position IS NOT NULL) || ')', 'NULL::jsonb'),
    'number_of_new', min(threadline_schema.number_of_key('NEW', c.only_key, c.type, c.is_integer, c.is_text)),
    'number_of_old', min(threadline_schema.number_of_key('OLD', c.only_key, c.type, c.is_integer, c.is_text)),
    'number_of_changed', min(threadline_schema.number_of_key('changed', c.only_key, c.type, c.is_integer, c.is_text)),
    'is_number', coalesce(bool_or(c.is_integer AND c.name = c.only_key), false),
    'key_differs', coalesce(string_agg(c.differs, ' OR ' ORDER BY c.key_position) FILTER (WHERE c.key_position IS NOT NULL), 'false'),
    'key_comparisons', string_agg(c.comparison, '' ORDER BY c.attnum) FILTER (WHERE c.key_position IS NOT NULL),
    'comparisons', coalesce(string_agg(c.comparison, '' ORDER BY c.attnum) FILTER (WHERE c.key_position IS NULL), ''),
    'image_of_new', threadline_schema.image_of(target, options, 'NEW'),
    'image_of_old', threadline_schema.image_of(target, options, 'OLD'),
    'image_of_changed', threadline_schema.image_of(target, options, 'changed'),
    'is_lost', CASE WHEN options ?| '{exclude,mask}' THEN threadline_schema.declaration_of_lost(false) END,
    'known', quote_literal((
      SELECT coalesce(jsonb_object_agg(a.attname, a.attnum), '{}') FROM pg_attribute a
      WHERE a.attrelid = target AND a.attnum > 0 AND NOT a.attisdropped
    )::text),
    'columns_differ_in_new', threadline_schema.columns_differ(target, options, 'NEW', true),
    'columns_differ_in_old', threadline_schema.columns_differ(target, options, 'OLD', true),
    'columns_differ_in_changed', threadline_schema.columns_differ(target, options, 'changed', false),
    'stores_whole', coalesce(bool_and(c.stores_whole), true)
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
