-- Finds or begins the audit transaction of the running database transaction and context, and returns the place
-- (ctid) of its row. The capture functions call this when transaction or context are not those of the row before.
--
-- Places travel in transaction-local settings, which a rolled back savepoint takes back along with the rows:
--   threadline.transaction_key, transaction_place    the present context and where its row is
--   threadline.transaction_others                    the other contexts of this database transaction, each with
--                                                    its place, for those that come back
-- Anybody can write settings: whoever uses a place checks that the row there carries the running transaction's
-- xid. Reading by place and not by key also leaves no trace that SERIALIZABLE could take for a conflict.
CREATE OR REPLACE FUNCTION threadline_schema.open_transaction()
RETURNS tid
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  actor_text text := coalesce(current_setting('threadline.actor_ref', true), '');
  context_text text := coalesce(current_setting('threadline.context', true), '');
  key text := threadline_schema.transaction_key(actor_text, context_text);
  left_key text := current_setting('threadline.transaction_key', true);
  place tid;
  fields record;
  done text;
BEGIN
  IF left_key <> key AND starts_with(left_key, pg_current_xact_id() || ' ') THEN
    place := threadline_schema.change_context(left_key, key);
  END IF;

  IF place IS NULL THEN
    fields := threadline_schema.read_settings(actor_text, context_text);
    INSERT INTO threadline_schema.audit_transactions (
      xid, occurred_at, actor_ref, correlation_id, request_id, job_id, source, remote_ip, meta, db_user, application_name
    ) VALUES (
      pg_current_xact_id(), transaction_timestamp(), fields.actor_ref, fields.correlation_id, fields.request_id,
      fields.job_id, fields.source, fields.remote_ip, fields.meta, session_user, nullif(current_setting('application_name'), '')
    )
    RETURNING ctid INTO place;
  END IF;

  done := set_config('threadline.transaction_key', key, true);
  done := set_config('threadline.transaction_place', place::text, true);
  RETURN place;
END
$function$;
