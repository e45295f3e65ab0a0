-- A text of the context, or NULL where it is absent, no text, or too long for an id (index entries are bounded).
--
-- Without SET, so that the planner puts the body in the place of each call, all of which pin the search path.
CREATE OR REPLACE FUNCTION threadline_schema.setting_field(context jsonb, field text)
RETURNS text
LANGUAGE sql IMMUTABLE
AS $function$
  SELECT CASE
    WHEN jsonb_typeof(context -> field) = 'string' AND length(context ->> field) BETWEEN 1 AND 255 THEN context ->> field
  END
$function$;
