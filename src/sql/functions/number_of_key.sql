-- The number that the key of a row is, as an expression over the record source: what key_number finds in the key, found
-- out of the column. NULL where it cannot be one. That it is an integer is left to the operator &, which numeric lacks:
-- where the type changed since this was written, there is an error and not another number.
CREATE OR REPLACE FUNCTION threadline_schema.number_of_key(target regclass, options jsonb, source text)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT CASE WHEN count(*) = 1 THEN min(
    format(
      CASE
        WHEN c.is_integer THEN 'CASE WHEN %1$s.%2$I BETWEEN 0 AND 9999999999999 THEN %1$s.%2$I & 17592186044415 END'
        WHEN NOT c.is_text THEN '%4$s.key_number(jsonb_build_object(%3$L, %1$s.%2$I))'
      END,
      source, c.name, c.name, quote_ident('threadline_schema')
    )
  ) END
  FROM threadline_schema.captured_columns(target, options) c
  WHERE c.key_position IS NOT NULL
$function$;
