-- The condition that the columns of a table are no longer those that its capture function was written for, as SQL over
-- a row of it, the record source; an error where one has another name. One of another type may need settings that the
-- function does not pin, and code of whoever owns the type must not run with the rights of the log's owner.
--
-- Types are compared when PostgreSQL parses the condition: an error then, and no time for the rows that follow, since what
-- comes after false AND is left out of the plan. The columns of a transition table belong to the plan. Those of a record,
-- NEW or OLD, do not: there the condition takes each of them as an argument, and PL/pgSQL refuses a value of another type
-- than the one that the condition was parsed for. Nothing else in the function does that in its place: what comes later may
-- be parsed for the first time when the type has changed already.
--
-- Where an event trigger rewrites the function with each change of the table, looking at the catalog for each row would be
-- for nothing.
CREATE OR REPLACE FUNCTION threadline_schema.columns_differ(target regclass, options jsonb, source text, is_record boolean)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $function$
  WITH columns (number, name, type) AS MATERIALIZED (
    SELECT a.attnum, a.attname, a.atttypid::regtype
    FROM pg_attribute a
    WHERE a.attrelid = target AND a.attnum > 0 AND NOT a.attisdropped
  ),
  audited (relation, last_number, is_followed) AS (
    -- ALTER TYPE, which gives the columns of a typed table other names, is not followed.
    SELECT
      CASE c.relkind WHEN 'p' THEN 'pg_partition_root(TG_RELID)' ELSE 'TG_RELID' END,
      c.relnatts,
      c.reloftype = 0 AND EXISTS (
        SELECT FROM pg_event_trigger e
        WHERE e.evtfoid = (quote_ident('threadline_schema') || '.follow_schema_changes()')::regprocedure AND e.evtenabled <> 'D'
      )
    FROM pg_class c
    WHERE c.oid = target
  )
  SELECT concat_ws(
    ' OR ',
    -- The variable that declaration_of_lost declares.
    CASE WHEN options ?| '{exclude,mask}' THEN 'is_lost' END,
    -- Whether there is a column after the last one.
    format('has_column_privilege(%s, %s::int2, ''SELECT'') IS NOT NULL', t.relation, t.last_number + 1),
    -- That knows of no column that was dropped, behind which there may be others.
    CASE WHEN is_record AND NOT t.is_followed THEN
      format('(SELECT relation.relnatts FROM pg_class relation WHERE relation.oid = %s) <> %s', t.relation, t.last_number)
    END,
    -- Whether each column that is not to be seen is where it was: two may have exchanged their names.
    CASE WHEN NOT t.is_followed THEN (
      SELECT format(
        '(SELECT count(*) FROM pg_attribute hidden WHERE hidden.attrelid = %s AND (hidden.attnum, hidden.attname) IN (%s)) <> %s',
        t.relation, string_agg(format('(%s, %L)', c.number, c.name), ', ' ORDER BY c.number), count(*)
      )
      FROM columns c
      WHERE options -> 'mask' ? c.name OR options -> 'exclude' ? c.name
      HAVING count(*) > 0
    ) END,
    (
      SELECT '(false AND ' || concat_ws(
        ' AND ',
        string_agg(format('%I.same_type(%s.%I, NULL::%s)', 'threadline_schema', source, c.name, c.type), ' AND ' ORDER BY c.number),
        -- As many columns as these.
        CASE WHEN NOT is_record THEN
          format('EXISTS (SELECT %s.* UNION ALL SELECT %s)', source, string_agg(format('NULL::%s', c.type), ', ' ORDER BY c.number))
        END
      ) || ')'
      FROM columns c
      HAVING count(*) > 0
    ),
    CASE WHEN is_record THEN (
      SELECT string_agg(format('num_nulls(%s) < 0', part.columns), ' OR ' ORDER BY part.place)
      FROM (
        -- No function has more than 100 arguments.
        SELECT c.number / 50, string_agg(format('%s.%I', source, c.name), ', ' ORDER BY c.number) FROM columns c GROUP BY 1
      ) part (place, columns)
    ) END
  )
  FROM audited t
$function$;
