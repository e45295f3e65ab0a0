-- What is wrong with the form of the options of a table, or NULL: a word that an option does not know, a list of
-- columns that is none.
CREATE OR REPLACE FUNCTION threadline_schema.problem_of_choices(options jsonb, choices jsonb)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT string_agg(
    CASE
      WHEN choices ? name THEN format(
        '%s is one of %s', name, (SELECT string_agg(word, ', ') FROM jsonb_array_elements_text(choices -> name) word)
      )
      WHEN name = 'mask' THEN 'mask is a list of column names, or an object of column names with placeholders'
      ELSE name || ' is a list of column names'
    END,
    '; ' ORDER BY name
  )
  FROM jsonb_each(options) o (name, chosen)
  WHERE CASE
    WHEN choices ? name THEN NOT choices -> name @> chosen OR jsonb_typeof(chosen) <> 'string'
    WHEN jsonb_typeof(chosen) = 'array' THEN jsonb_path_exists(chosen, '$[*] ? (@.type() <> "string")')
    ELSE name <> 'mask' OR jsonb_typeof(chosen) <> 'object' OR jsonb_path_exists(chosen, '$.* ? (@.type() <> "string")')
  END
$function$;
