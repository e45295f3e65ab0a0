-- Writes the body of the function that captures the rows of one table.
--
-- Columns are compared by name, one IF each: several times cheaper than taking both rows apart as jsonb. Whatever
-- fails there is left to compare_images, so that no write fails and nothing is lost: a json document that jsonb
-- refuses, and columns that are no longer those that the function was written for. A column that was dropped,
-- renamed or retyped raises; an added one is looked for.
CREATE OR REPLACE FUNCTION threadline_schema.capture_body(target regclass, options jsonb)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  is_partitioned constant boolean := (SELECT c.relkind = 'p' FROM pg_class c WHERE c.oid = target);
  by_statement constant boolean := threadline_schema.captures_by_statement(target);
  names constant text := CASE WHEN is_partitioned THEN 'root_schema, root_table' ELSE 'TG_TABLE_SCHEMA, TG_TABLE_NAME' END;
  parts jsonb := threadline_schema.capture_parts(target, options);
BEGIN
  RETURN concat(
    format(
      $head$
-- Written by %s.install_trigger.
#variable_conflict use_variable
DECLARE
  state text;
  context jsonb;
  opened bigint;
  place tid;
%s%s%s  key jsonb;
  number bigint;
  hash bigint;
  key_before jsonb;
  fields text[];
  before jsonb;
  after jsonb;
BEGIN
$head$,
      quote_ident('threadline_schema'),
      CASE WHEN by_statement THEN E'  is_stale boolean;\n  image jsonb;\n' END,
      '  ' || (parts ->> 'is_lost') || E'\n',
      CASE WHEN is_partitioned THEN E'  root_schema text;\n  root_table text;\n' END
    ),
    CASE WHEN options ->> 'onMissingActor' = 'reject' THEN format(E'  PERFORM %s.require_actor(TG_RELID);\n', quote_ident('threadline_schema')) END,
    CASE WHEN by_statement THEN threadline_schema.capture_of_statement(parts) END,
    threadline_schema.capture_of_row(parts, options, by_statement),
    CASE WHEN is_partitioned THEN threadline_schema.name_of_root(target) END,
    format(E'  hash := %s.row_hash(%s, key, number);\n', quote_ident('threadline_schema'), names),
    threadline_schema.insert_changes(
      'table_schema, table_name, partition_name, op, row_hash, table_pk, table_pk_before, changed_fields, changed_from, data_after',
      format(
        '%s, %s, %s, hash, key, key_before, fields, before, after',
        names,
        CASE WHEN is_partitioned THEN 'TG_RELID::regclass' ELSE 'NULL' END,
        CASE WHEN by_statement THEN '''update''' ELSE 'lower(TG_OP)' END
      )
    ),
    E'END\n'
  );
END
$function$;
