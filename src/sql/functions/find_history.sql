-- find_table, and behind it one page of the history of a row as change_entries tells it, of any row that plain_history
-- can tell of: all of what history() asks in one round trip. Nothing follows the table where that takes more: it has
-- other names or no key of one column, this is of a type that is not common, or the row's history is not plain.
--
-- The key is text, whatever its type: what the type does not read is an error of class 22. Without SET: see find_table.
CREATE OR REPLACE FUNCTION threadline_schema.find_history(
  wanted_schema text, wanted_name text, wanted_key text, before_id bigint, page integer
)
RETURNS SETOF json
LANGUAGE plpgsql STABLE
AS $function$
DECLARE
  own_table constant json := threadline_schema.find_table(wanted_schema, wanted_name);
  key_type constant text := own_table #>> '{keyColumns,0,type}';
  key jsonb;
BEGIN
  RETURN NEXT own_table;
  IF pg_catalog.json_array_length(own_table -> 'keyColumns') = 1 AND pg_catalog.json_array_length(own_table -> 'names') = 1
    AND coalesce(own_table #>> '{names,0,afterId}', own_table #>> '{names,0,upToId}') IS NULL
  THEN
    key := CASE
      WHEN key_type IN ('pg_catalog.int8', 'pg_catalog.int4', 'pg_catalog.int2') THEN pg_catalog.to_jsonb(wanted_key::pg_catalog.numeric)
      WHEN key_type IN ('pg_catalog.text', 'pg_catalog."varchar"') THEN pg_catalog.to_jsonb(wanted_key)
      WHEN key_type = 'pg_catalog.uuid' THEN pg_catalog.to_jsonb(wanted_key::pg_catalog.uuid)
    END;
    IF key IS NOT NULL THEN
      RETURN QUERY
      SELECT entry
      FROM threadline_schema.change_entries(threadline_schema.plain_history(
        own_table ->> 'schema', own_table ->> 'name',
        pg_catalog.jsonb_build_object(own_table #>> '{keyColumns,0,name}', key), before_id, page
      )) entry;
    END IF;
  END IF;
END
$function$;
