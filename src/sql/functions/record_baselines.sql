-- Records what is left of the baselines of several tables, named as in SQL, in one transaction. Returns how many rows.
--
-- Without SET, so that a name without a schema is looked up on the caller's search path.
CREATE OR REPLACE FUNCTION threadline_schema.record_baselines(tables text[])
RETURNS bigint
LANGUAGE plpgsql VOLATILE
AS $function$
DECLARE
  name pg_catalog.text;
  batch pg_catalog.record;
  total bigint := 0;
BEGIN
  FOREACH name IN ARRAY tables LOOP
    LOOP
      SELECT b.* INTO batch FROM threadline_schema.baseline_batch(
        threadline_schema.table_named(name, pg_catalog.to_regclass(name))
      ) b;
      total := total OPERATOR(pg_catalog.+) batch.recorded;
      EXIT WHEN batch.is_finished;
    END LOOP;
  END LOOP;
  RETURN total;
END
$function$;
