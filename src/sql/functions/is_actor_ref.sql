-- Whether a value is an ActorRef: one of the six types, and an id of 1 to 255 characters for all but anonymous.
--
-- Without SET, so that the planner puts the body in the place of each call, all of which pin the search path.
CREATE OR REPLACE FUNCTION threadline_schema.is_actor_ref(value jsonb)
RETURNS boolean
LANGUAGE sql IMMUTABLE
AS $function$
  SELECT CASE
    WHEN jsonb_typeof(value) <> 'object' THEN false
    WHEN value ->> 'type' IN ('user', 'admin', 'service_account', 'job', 'system') THEN
      value - '{type,id}'::text[] = '{}' AND jsonb_typeof(value -> 'id') = 'string' AND length(value ->> 'id') BETWEEN 1 AND 255
    ELSE value = '{"type": "anonymous"}'
  END
$function$;
