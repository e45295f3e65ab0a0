-- The place at the end of threadline.transaction, a setting that anybody can write: NULL where there is none.
--
-- E'' means the same whatever standard_conforming_strings is. Without SET, so that the planner puts the body in the place of
-- each call, all of which pin the search path.
CREATE OR REPLACE FUNCTION threadline_schema.place_of(setting text)
RETURNS tid
LANGUAGE sql IMMUTABLE
AS $function$
  SELECT substring(setting FROM E'\x01([(][0-9]{1,9},[0-9]{1,4}[)])$')::tid
$function$;
