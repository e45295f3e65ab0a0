-- A field of the context as text, or NULL where it is absent, empty, or longer than an index entry could be.
--
-- Without SET, so that the planner puts the body in the place of each call, all of which pin the search path.
CREATE OR REPLACE FUNCTION threadline_schema.setting_field(context jsonb, field text)
RETURNS text
LANGUAGE sql IMMUTABLE
AS $function$
  SELECT CASE WHEN octet_length(context ->> field) BETWEEN 1 AND 2000 THEN context ->> field END
$function$;
