-- What history and timeline need to know of the table that a name means, as JSON:
--   schema, name   under which it is recorded today: a partition stands for its partitioned table
--   isKnown        whether there is such a table, or anything was recorded under the name
--   keyColumns     its primary key: of each column the name, the type (of a domain, the one underneath) and of a
--                  char(n) the length
--   names          all names that it was recorded under, newest first: see recorded_names
-- Without a schema it is the table that the search path of the caller finds, hence no SET, or else the one in public.
--
-- In PL/pgSQL, which plans this once for a session: that takes several times as long as to run it. In small statements
-- for the same reason: what joins six catalogs takes longer to start than all of these take to run.
CREATE OR REPLACE FUNCTION threadline_schema.find_table(wanted_schema text, wanted_name text)
RETURNS json
LANGUAGE plpgsql STABLE
AS $function$
DECLARE
  own_schema text := coalesce(wanted_schema, 'public');
  own_name text := wanted_name;
  -- In the order of the search path, and not by what is visible on it: a temporary table or a view may be in front.
  schemas constant text[] := CASE
    WHEN wanted_schema IS NOT NULL THEN ARRAY[wanted_schema]
    ELSE pg_catalog.array_append(pg_catalog.current_schemas(false)::pg_catalog.text[], 'public')
  END;
  relation oid;
  key_attributes int2[];
  key_length integer;
  key_columns json[] := '{}';
  key_column record;
  key_type record;
BEGIN
  SELECT coalesce(pg_catalog.pg_partition_root(r.oid), r.oid) INTO relation
  FROM pg_catalog.pg_class r
  JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace
  WHERE r.relname = wanted_name AND r.relkind IN ('r', 'p') AND r.relpersistence <> 't'
    AND n.nspname = ANY (schemas)
  ORDER BY pg_catalog.array_position(schemas, n.nspname::pg_catalog.text)
  LIMIT 1;
  IF FOUND THEN
    SELECT n.nspname, r.relname INTO own_schema, own_name
    FROM pg_catalog.pg_class r
    JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace
    WHERE r.oid = relation;
    SELECT i.indkey::pg_catalog.int2[], i.indnkeyatts INTO key_attributes, key_length
    FROM pg_catalog.pg_index i
    WHERE i.indrelid = relation AND i.indisprimary;
    -- indkey counts from 0.
    FOR position IN 0 .. coalesce(key_length, 0) - 1 LOOP
      SELECT a.attname, a.atttypid, a.atttypmod INTO key_column
      FROM pg_catalog.pg_attribute a
      WHERE a.attrelid = relation AND a.attnum = key_attributes[position];
      LOOP
        SELECT y.typname, y.typnamespace, y.typbasetype, y.typtypmod INTO key_type
        FROM pg_catalog.pg_type y
        WHERE y.oid = key_column.atttypid;
        EXIT WHEN key_type.typbasetype = 0;
        key_column.atttypid := key_type.typbasetype;
        key_column.atttypmod := key_type.typtypmod;
      END LOOP;
      key_columns := key_columns || pg_catalog.json_build_object(
        'name', key_column.attname,
        'type', pg_catalog.format(
          '%I.%I', (SELECT n.nspname FROM pg_catalog.pg_namespace n WHERE n.oid = key_type.typnamespace), key_type.typname
        ),
        'length', CASE
          WHEN key_column.atttypid = 'pg_catalog.bpchar'::pg_catalog.regtype AND key_column.atttypmod > 4 THEN key_column.atttypmod - 4
        END
      );
    END LOOP;
  END IF;
  RETURN pg_catalog.json_build_object(
    'schema', own_schema,
    'name', own_name,
    -- By bounds and in the order of the index: told of equality, the planner may expect to find one soon without it.
    'isKnown', relation IS NOT NULL OR (
      SELECT c.id
      FROM threadline_schema.audit_changes c
      WHERE (c.table_name, c.table_schema) >= (own_name, own_schema)
        AND (c.table_name, c.table_schema, c.id) < (own_name, own_schema, 9223372036854775807)
      ORDER BY c.table_name DESC, c.table_schema DESC, c.id DESC
      LIMIT 1
    ) IS NOT NULL,
    'keyColumns', pg_catalog.array_to_json(key_columns),
    'names', (
      SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
        'schema', own.table_schema,
        'name', own.table_name,
        'afterId', nullif(own.after_id, 0)::pg_catalog.text,
        'upToId', nullif(own.up_to_id, 9223372036854775807)::pg_catalog.text
      ) ORDER BY own.up_to_id DESC)
      FROM threadline_schema.recorded_names(own_schema, own_name) own
    )
  );
END
$function$;
