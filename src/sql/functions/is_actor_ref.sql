-- Whether a value is an ActorRef: one of the six types, and an id of 1 to 255 characters for all but anonymous.
--
-- Without SET, so that the planner puts the body in the place of each call, all of which pin the search path.
CREATE OR REPLACE FUNCTION threadline_schema.is_actor_ref(value jsonb)
RETURNS boolean
LANGUAGE sql IMMUTABLE
AS $function$
  SELECT CASE
    WHEN value @@ 'strict ($.type == "user" || $.type == "admin" || $.type == "service_account" || $.type == "job" || $.type == "system")
      && $.id > ""'
    THEN value - '{type,id}'::text[] = '{}' AND length(value ->> 'id') <= 255
    ELSE value = '{"type": "anonymous"}'
  END
$function$;
