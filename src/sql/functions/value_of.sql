-- A column of the record source as an expression that may be turned into JSON with the rights of the log's owner:
-- to_jsonb calls the cast to json that a type has, which whoever owns the type may write. What is not trusted in that
-- becomes its text: format calls no cast, but the type's own output, and so does array_out for each element of an enum.
CREATE OR REPLACE FUNCTION threadline_schema.value_of(source text, name name, type oid)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT format(
    CASE
      WHEN threadline_schema.has_trusted_parts(type) THEN '%1$s.%2$I'
      WHEN EXISTS (SELECT FROM pg_type t JOIN pg_type element ON element.oid = t.typelem AND element.typarray = t.oid WHERE t.oid = type AND element.typtype = 'e')
      THEN 'array_out(%1$s.%2$I)::text::text[]'
      ELSE 'CASE WHEN num_nulls(%1$s.%2$I) = 0 THEN format(''%%s'', %1$s.%2$I) END'
    END,
    source, name
  )
$function$;
