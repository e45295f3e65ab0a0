-- Keeps the log append-only, also for its owner: refuses every UPDATE, DELETE and TRUNCATE of it but two.
--
-- record_action may give a row of audit_transactions its action: in the transaction that wrote the row, once, and
-- nothing else in it. That is judged by the rows, so that nothing can pass for it. delete_changes may delete: it says
-- so in a setting that holds the number of the running transaction. Anybody can write settings, but without being
-- the owner nobody gets past here. For the owner this is a barrier against accidents, not against intent: an owner
-- can drop the trigger.
--
-- The triggers are enabled as usual: what logical replication applies and pg_restore loads is not held up.
CREATE OR REPLACE FUNCTION threadline_schema.guard_log()
RETURNS trigger
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  IF current_user = (SELECT pg_get_userbyid(c.relowner) FROM pg_class c WHERE c.oid = TG_RELID) THEN
    IF TG_OP = 'DELETE' AND current_setting('threadline.deletion', true) = pg_current_xact_id()::text THEN
      RETURN NULL;
    ELSIF TG_LEVEL = 'ROW' THEN
      IF OLD.xid = pg_current_xact_id() AND OLD.action_id IS NULL
        AND to_jsonb(OLD) - 'action_id' = to_jsonb(NEW) - 'action_id' THEN
        RETURN NEW;
      END IF;
    END IF;
  END IF;
  RAISE EXCEPTION USING ERRCODE = 'TL040',
    MESSAGE = format('Threadline: %I.%I is append-only, %s is refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP),
    HINT = format(
      'What was recorded is never changed. The owner of the log deletes what is older than a moment with SELECT %I.delete_changes(before).',
      TG_TABLE_SCHEMA
    );
END
$function$;
