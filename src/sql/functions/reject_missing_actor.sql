-- Fails a write that came without an actor, on a table whose options ask for that.
CREATE OR REPLACE FUNCTION threadline_schema.reject_missing_actor(relation regclass)
RETURNS void
LANGUAGE plpgsql STABLE
AS $function$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'TL008',
    MESSAGE = format('Threadline: %s is only written to in the name of an actor', relation),
    HINT = 'Write inside runWithActor(actor, fn) through a wrapped driver, or set threadline.actor_ref in the transaction.';
END
$function$;
