-- Begins an audit transaction for the present context and returns its id. The capture functions call this for the first row
-- that a database transaction writes, where there is nothing to continue, and no adapter vouches for the settings.
--
-- Places travel in transaction-local settings, which a rolled back savepoint takes back along with the rows:
--   threadline.transaction           the present context, transaction_key(), and behind it where its row is (ctid)
--   threadline.transaction_others    the other contexts of this database transaction, each with its place, for those
--                                    that come back
-- Anybody can write settings, also for a whole session: whoever uses a place checks that the row there carries the
-- running transaction's xid. Reading by place and not by key also leaves no trace that SERIALIZABLE could take for a conflict.
--
-- Without SET: whoever calls this has pinned the search path. And with few expressions, which PL/pgSQL prepares anew
-- in each transaction: they are what a transaction of a single write pays for.
CREATE OR REPLACE FUNCTION threadline_schema.open_transaction()
RETURNS bigint
LANGUAGE plpgsql VOLATILE
AS $function$
DECLARE
  opened bigint;
  actor_ref jsonb;
  context jsonb;
  done text;
BEGIN
  BEGIN
    actor_ref := nullif(current_setting('threadline.actor_ref', true), '')::jsonb;
    context := nullif(current_setting('threadline.context', true), '')::jsonb;
    -- What read_settings would find something wrong with; what is absent compares as NULL. A small context can hold
    -- no field that is too long.
    IF NOT threadline_schema.is_actor_ref(actor_ref)
      OR strpos(current_setting('threadline.context', true), '""') > 0
      OR pg_column_size(context) > 2000
    THEN
      RAISE data_exception;
    END IF;
    IF context - '{correlation_id,request_id,job_id,source,remote_ip}'::text[] <> '{}' THEN
      IF context - '{correlation_id,request_id,job_id,source,remote_ip,meta}'::text[] <> '{}'
        OR jsonb_typeof(context -> 'meta') <> 'object'
      THEN
        RAISE data_exception;
      END IF;
    END IF;
  EXCEPTION WHEN OTHERS THEN
    SELECT s.actor_ref, to_jsonb(s) - CASE WHEN s.meta IS NULL THEN 'meta' ELSE '' END INTO actor_ref, context
    FROM threadline_schema.read_settings(
      coalesce(current_setting('threadline.actor_ref', true), ''), coalesce(current_setting('threadline.context', true), '')
    ) s;
  END;
  INSERT INTO threadline_schema.audit_transactions (
    xid, occurred_at, actor_ref, correlation_id, request_id, job_id, source, remote_ip, meta, db_user, application_name
  ) VALUES (
    pg_current_xact_id(), transaction_timestamp(), actor_ref, context ->> 'correlation_id', context ->> 'request_id',
    context ->> 'job_id', context ->> 'source', context ->> 'remote_ip', context -> 'meta', session_user,
    nullif(current_setting('application_name'), '')
  )
  RETURNING id, set_config('threadline.transaction', threadline_schema.transaction_key() || ctid::text, true)
  INTO opened, done;
  RETURN opened;
END
$function$;
