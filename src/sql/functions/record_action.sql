-- record_action(name text, options jsonb DEFAULT '{}', actor_ref text DEFAULT NULL, context text DEFAULT NULL) RETURNS text
--
-- Records a named business event and returns its id. Options, all of them optional: status ('ok', the default, or
-- 'error'), verb, category, reason, comment (texts), meta (object). Who did it and in which request comes from the
-- context settings, as for every change; or else, where one of actor_ref and context is given, from these two texts,
-- written like the settings: a client may know a context that its connection does not carry.
--
-- The action is linked to the audit transaction of the running database transaction and of the settings: to the
-- changes made so far, unless an earlier action has them, and to those that follow, until the next action.
--
-- The caller needs USAGE on the schema and EXECUTE on this function, and no right on any table.
CREATE OR REPLACE FUNCTION threadline_schema.record_action(
  name text,
  options jsonb DEFAULT '{}',
  actor_ref text DEFAULT NULL,
  context text DEFAULT NULL
)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $function$
DECLARE
  is_told constant boolean := coalesce(actor_ref, context) IS NOT NULL;
  fields constant record := threadline_schema.read_settings(
    coalesce(CASE WHEN is_told THEN actor_ref ELSE current_setting('threadline.actor_ref', true) END, ''),
    coalesce(CASE WHEN is_told THEN context ELSE current_setting('threadline.context', true) END, '')
  );
  place tid;
  has_action boolean;
  action bigint;
  done text;
BEGIN
  PERFORM threadline_schema.check_action(name, options);

  PERFORM threadline_schema.current_transaction();
  place := threadline_schema.place_of(current_setting('threadline.transaction'));
  SELECT t.action_id IS NOT NULL INTO has_action
  FROM threadline_schema.audit_transactions t
  WHERE t.ctid = place AND t.xid = pg_current_xact_id();
  IF has_action THEN
    -- The changes so far have their action: those that follow get a row of their own.
    PERFORM threadline_schema.open_transaction();
    place := threadline_schema.place_of(current_setting('threadline.transaction'));
  END IF;

  INSERT INTO threadline_schema.audit_actions (
    occurred_at, name, actor_ref, status, verb, category, reason, comment, correlation_id, request_id, job_id, meta
  ) VALUES (
    clock_timestamp(), name, fields.actor_ref, coalesce(options ->> 'status', 'ok'), options ->> 'verb',
    options ->> 'category', options ->> 'reason', options ->> 'comment', fields.correlation_id, fields.request_id,
    fields.job_id, nullif(options -> 'meta', 'null')
  )
  RETURNING id INTO action;

  UPDATE threadline_schema.audit_transactions t
  SET action_id = action
  WHERE t.ctid = place AND t.xid = pg_current_xact_id()
  RETURNING t.ctid INTO place;
  done := set_config('threadline.transaction', threadline_schema.transaction_key() || place::text, true);
  RETURN action;
END
$function$;
