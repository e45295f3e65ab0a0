-- Refuses an action without a name, and options that nobody knows.
CREATE OR REPLACE FUNCTION threadline_schema.check_action(name text, options jsonb)
RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  known constant text[] := '{status,verb,category,reason,comment,meta}';
  problem text;
  hint text := format('Known options: %s.', array_to_string(known, ', '));
BEGIN
  IF coalesce(name, '') = '' OR length(name) > 255 THEN
    problem := 'an action needs a name of 1 to 255 characters';
    hint := 'Name the event, for example member.role_changed.';
  ELSIF jsonb_typeof(options) IS DISTINCT FROM 'object' THEN
    problem := 'the options of an action are a JSON object';
  ELSIF options - known <> '{}' THEN
    problem := 'unknown option of an action: ' || (SELECT string_agg(key, ', ') FROM jsonb_object_keys(options - known) key);
  ELSIF coalesce(options ->> 'status', 'ok') NOT IN ('ok', 'error') THEN
    problem := 'the status of an action is ok or error';
    hint := 'Leave status out for ok.';
  ELSIF coalesce(jsonb_typeof(options -> 'meta'), 'null') NOT IN ('null', 'object') THEN
    problem := 'the meta of an action is a JSON object';
    hint := 'Wrap the value: {"meta": {"value": ...}}.';
  ELSE
    RETURN;
  END IF;
  RAISE EXCEPTION USING ERRCODE = 'TL020', MESSAGE = 'Threadline: ' || problem, HINT = hint;
END
$function$;
