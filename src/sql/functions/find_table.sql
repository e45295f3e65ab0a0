-- What history and timeline need to know of the table that a name means, as JSON:
--   schema, name   under which it is recorded today: a partition stands for its partitioned table
--   isKnown        whether there is such a table, or anything was recorded under the name
--   keyColumns     its primary key: of each column the name, the type (of a domain, the one underneath) and of a
--                  char(n) the length
--   names          all names that it was recorded under, newest first: see recorded_names
-- Without a schema it is the table that the search path of the caller finds, hence no SET, or else the one in public.
--
-- In PL/pgSQL, which plans this once for a session: that takes several times as long as to run it.
CREATE OR REPLACE FUNCTION threadline_schema.find_table(wanted_schema text, wanted_name text)
RETURNS json
LANGUAGE plpgsql STABLE
AS $function$
DECLARE
  own_schema text := coalesce(wanted_schema, 'public');
  own_name text := wanted_name;
  relation oid;
BEGIN
  SELECT coalesce(pg_catalog.pg_partition_root(r.oid), r.oid) INTO relation
  FROM pg_catalog.pg_class r
  JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace
  WHERE r.relname = wanted_name AND r.relkind IN ('r', 'p') AND r.relpersistence <> 't'
    AND (n.nspname = own_schema OR wanted_schema IS NULL AND pg_catalog.pg_table_is_visible(r.oid))
  ORDER BY n.nspname = own_schema
  LIMIT 1;
  IF FOUND THEN
    SELECT n.nspname, r.relname INTO own_schema, own_name
    FROM pg_catalog.pg_class r
    JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace
    WHERE r.oid = relation;
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
    'keyColumns', coalesce((
      SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
        'name', a.attname,
        'type', pg_catalog.format('%I.%I', n.nspname, base.typname),
        'length', CASE WHEN base.oid = 'pg_catalog.bpchar'::pg_catalog.regtype AND base.modifier > 4 THEN base.modifier - 4 END
      ) ORDER BY k.position)
      FROM pg_catalog.pg_index i
      CROSS JOIN LATERAL pg_catalog.unnest(i.indkey) WITH ORDINALITY k (attnum, position)
      JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
      CROSS JOIN LATERAL (
        WITH RECURSIVE type AS (
          SELECT y.oid, y.typname, y.typnamespace, y.typbasetype, y.typtypmod, a.atttypmod AS modifier
          FROM pg_catalog.pg_type y WHERE y.oid = a.atttypid
          UNION ALL
          SELECT y.oid, y.typname, y.typnamespace, y.typbasetype, y.typtypmod, type.typtypmod
          FROM type JOIN pg_catalog.pg_type y ON y.oid = type.typbasetype
          WHERE type.typbasetype <> 0
        )
        SELECT * FROM type WHERE type.typbasetype = 0
      ) base
      JOIN pg_catalog.pg_namespace n ON n.oid = base.typnamespace
      WHERE i.indrelid = relation AND i.indisprimary AND k.position <= i.indnkeyatts
    ), '[]'),
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
