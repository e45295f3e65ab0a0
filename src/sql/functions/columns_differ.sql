-- The condition that the columns of a table are no longer those that its capture function was written for, as SQL over
-- a row of it, the record source; an error where one has another name. One of another type may need settings that the
-- function does not pin, and code of whoever owns the type must not run with the rights of the log's owner.
--
-- Types are compared for each row, or when PostgreSQL parses the condition: an error then, and no time for the rows that
-- follow, since what comes after false AND is left out of the plan. That is enough where a change of a type cannot go
-- unnoticed until the condition is parsed anew: over the rows of a transition table, whose columns belong to the plan, and
-- where all columns that are stored are compared with themselves, since PL/pgSQL refuses values of another type than the
-- one that an expression was planned for.
CREATE OR REPLACE FUNCTION threadline_schema.columns_differ(target regclass, options jsonb, source text, is_parsed_often boolean)
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
      SELECT CASE
        WHEN is_parsed_often THEN
          '(false AND ' || string_agg(
            format('%I.same_type(%s.%I, NULL::%s)', 'threadline_schema', source, a.attname, a.atttypid::regtype), ' AND ' ORDER BY a.attnum
          ) || ')'
        ELSE string_agg(format('pg_typeof(%s.%I) <> %L::regtype', source, a.attname, a.atttypid::regtype), ' OR ' ORDER BY a.attnum)
      END
      FROM pg_attribute a
      WHERE a.attrelid = target AND a.attnum > 0 AND NOT a.attisdropped
    )
  )
  FROM pg_class relation
  WHERE relation.oid = target
$function$;
