-- The condition that the columns of a table are no longer those that its capture function was written for, as SQL over
-- a row of it, the record source; an error where one has another name. One of another type may need settings that the
-- function does not pin, and code of whoever owns the type must not run with the rights of the log's owner.
CREATE OR REPLACE FUNCTION threadline_schema.columns_differ(target regclass, options jsonb, source text)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $function$
  SELECT concat_ws(
    ' OR ',
    -- The variable that declaration_of_lost declares.
    CASE WHEN options ?| '{exclude,mask}' THEN 'is_lost' END,
    -- Whether there is a column after the last one.
    format(
      'has_column_privilege(%s, %s::int2, ''SELECT'') IS NOT NULL',
      CASE relation.relkind WHEN 'p' THEN 'pg_partition_root(TG_RELID)' ELSE 'TG_RELID' END, relation.relnatts + 1
    ),
    (
      SELECT string_agg(format('pg_typeof(%s.%I) <> %L::regtype', source, a.attname, a.atttypid::regtype), ' OR ' ORDER BY a.attnum)
      FROM pg_attribute a
      WHERE a.attrelid = target AND a.attnum > 0 AND NOT a.attisdropped
    )
  )
  FROM pg_class relation
  WHERE relation.oid = target
$function$;
