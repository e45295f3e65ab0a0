-- Fails a write that came without an actor, on a table whose options ask for that.
CREATE OR REPLACE FUNCTION threadline_schema.require_actor(relation regclass)
RETURNS void
LANGUAGE plpgsql STABLE
AS $function$
BEGIN
  IF threadline_schema.is_actor_ref(
    threadline_schema.jsonb_or_null(current_setting('threadline.actor_ref', true))
  ) IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'TL008',
      MESSAGE = format('Threadline: %s is only written to in the name of an actor', relation),
      HINT = 'Write inside runWithActor(actor, fn) through a wrapped driver, or set threadline.actor_ref in the transaction.';
  END IF;
END
$function$;
