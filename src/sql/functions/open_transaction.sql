-- Finds or begins the audit transaction of the running database transaction and context, and returns the place
-- (ctid) of its row. The capture functions call this when transaction or context are not those of the row before.
--
-- Places travel in transaction-local settings, which a rolled back savepoint takes back along with the rows:
--   threadline.transaction_key, transaction_place    the present context and where its row is
--   threadline.transaction_others                    the other contexts of this database transaction, each with
--                                                    its place, for those that come back
-- Anybody can write settings: whoever uses a place checks that the row there carries the running transaction's
-- xid. Reading by place and not by key also leaves no trace that SERIALIZABLE could take for a conflict.
--
-- Without SET: whoever calls this has pinned the search path. And with few expressions, which PL/pgSQL prepares anew
-- in each transaction: they are what a transaction of a single write pays for.
CREATE OR REPLACE FUNCTION threadline_schema.open_transaction(actor_text text, context_text text)
RETURNS tid
LANGUAGE plpgsql VOLATILE
AS $function$
DECLARE
  left_key text := current_setting('threadline.transaction_key', true);
  place tid;
  actor_ref jsonb;
  context jsonb;
  is_clean boolean;
  done text;
BEGIN
  -- The same key again asks for a new row: the place that went with it was no good, or its row has its action.
  IF starts_with(left_key, pg_current_xact_id() || ' ') AND left_key <> threadline_schema.transaction_key(actor_text, context_text) THEN
    place := threadline_schema.change_context(left_key, threadline_schema.transaction_key(actor_text, context_text));
  END IF;

  IF place IS NULL THEN
    BEGIN
      actor_ref := nullif(actor_text, '');
      context := nullif(context_text, '');
      -- What read_settings would find nothing wrong with: a short context can hold no field that is too long.
      is_clean := (actor_ref IS NULL OR threadline_schema.is_actor_ref(actor_ref)) AND (context IS NULL OR (
        octet_length(context_text) <= 2000 AND jsonb_typeof(coalesce(context -> 'meta', '{}')) = 'object'
        AND context - '{correlation_id,request_id,job_id,source,remote_ip,meta}'::text[] = '{}'
      ));
    EXCEPTION WHEN OTHERS THEN
      is_clean := false;
    END;
    IF is_clean IS NOT TRUE THEN
      SELECT s.actor_ref, to_jsonb(s) INTO actor_ref, context FROM threadline_schema.read_settings(actor_text, context_text) s;
    END IF;
    INSERT INTO threadline_schema.audit_transactions (
      xid, occurred_at, actor_ref, correlation_id, request_id, job_id, source, remote_ip, meta, db_user, application_name
    ) VALUES (
      pg_current_xact_id(), transaction_timestamp(), actor_ref, nullif(context ->> 'correlation_id', ''),
      nullif(context ->> 'request_id', ''), nullif(context ->> 'job_id', ''), nullif(context ->> 'source', ''),
      nullif(context ->> 'remote_ip', ''), nullif(context -> 'meta', 'null'), session_user,
      nullif(current_setting('application_name'), '')
    )
    RETURNING ctid INTO place;
  END IF;

  done := concat(
    set_config('threadline.transaction_key', threadline_schema.transaction_key(actor_text, context_text), true),
    set_config('threadline.transaction_place', place::text, true)
  );
  RETURN place;
END
$function$;
