-- The columns of a table that are captured, with what the writing of its capture function needs to know: the place in
-- the primary key, or NULL; the condition that an update changed the column; the values to store, before and after;
-- whether it is an integer, and whether it is a text, which is no number.
--
-- Excluded columns are left out, and virtual generated ones: what PostgreSQL gives a trigger for them is NULL, and
-- whoever has the rest of the row can compute them.
--
-- What differs in bytes has changed, also where the type calls it equal: 1.0 and 1.00, 'a' and 'A' as citext. For
-- the types listed here, and arrays of them, equal means equal in bytes, and their own operator is cheaper.
CREATE OR REPLACE FUNCTION threadline_schema.captured_columns(target regclass, options jsonb)
RETURNS TABLE (
  name name, attnum int2, type oid, key_position integer, differs text, value_before text, value_after text, is_integer boolean, is_text boolean
)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT
    a.attname,
    a.attnum,
    a.atttypid,
    array_position((i.indkey::int2[])[0:i.indnkeyatts - 1], a.attnum),
    format(
      CASE
        WHEN element.type = ANY ('{bool,int2,int4,int8,oid,uuid,date,time,timestamp,timestamptz,bytea,name,pg_lsn,xid8,macaddr}'::regtype[])
          OR element.type = ANY ('{text,varchar}'::regtype[]) AND l.collisdeterministic
        THEN 'OLD.%1$I IS DISTINCT FROM NEW.%1$I'
        WHEN base.type = 'numeric'::regtype
        THEN '(OLD.%1$I IS DISTINCT FROM NEW.%1$I OR scale(OLD.%1$I) IS DISTINCT FROM scale(NEW.%1$I))'
        ELSE 'record_image_ne(ROW(OLD.%1$I), ROW(NEW.%1$I))'
      END,
      a.attname
    ),
    CASE WHEN placeholder IS NULL THEN threadline_schema.value_of('OLD', a.attname, a.atttypid) ELSE format('%L::text', placeholder) END,
    CASE WHEN placeholder IS NULL THEN threadline_schema.value_of('NEW', a.attname, a.atttypid) ELSE format('%L::text', placeholder) END,
    base.type = ANY ('{int2,int4,int8}'::regtype[]),
    base.type = ANY ('{text,varchar,uuid}'::regtype[])
  FROM pg_attribute a
  -- OFFSET has them found out once a column, and not each time that they are asked for.
  CROSS JOIN LATERAL (SELECT threadline_schema.base_type(a.atttypid)::regtype OFFSET 0) base (type)
  CROSS JOIN LATERAL (
    SELECT coalesce((
      SELECT e.oid FROM pg_type t JOIN pg_type e ON e.oid = t.typelem AND e.typarray = t.oid WHERE t.oid = base.type
    ), base.type)::regtype
    OFFSET 0
  ) element (type)
  LEFT JOIN pg_collation l ON l.oid = a.attcollation
  LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
  CROSS JOIN LATERAL (SELECT options -> 'mask' ->> a.attname) m (placeholder)
  WHERE a.attrelid = target AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated <> 'v'
    AND NOT coalesce(options -> 'exclude' ? a.attname, false)
$function$;
