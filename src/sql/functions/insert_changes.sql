-- The part of a capture function that inserts changes, under the audit transaction that is open for the present context
-- or else under a new one. The values of the columns are expressions over the rows of a source; without one it is one row.
--
-- Anybody can write the setting that says where the row of the audit transaction is: it has to be one of the running
-- transaction. The row that has just been found or made needs no such check, and a transaction of a single
-- write does without the join. What a variable holds need not be prepared anew for each INSERT.
--
-- Settings that begin with a space are those of an adapter that vouches for them: they are what open_transaction would
-- let through as it is, and short. That is most of what a transaction of a single write would pay for.
CREATE OR REPLACE FUNCTION threadline_schema.insert_changes(columns text, expressions text, source text DEFAULT NULL)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT format(
    $body$
  state := current_setting('threadline.transaction', true);
  IF state <> '' THEN
    IF %1$s.is_present(state) THEN
      place := split_part(state, E'\x01', -1)::tid;
      INSERT INTO %1$s.audit_changes (transaction_id, %2$s)
      SELECT t.id, %3$s
      FROM %1$s.audit_transactions t%4$s
      WHERE t.ctid = place AND t.xid = pg_current_xact_id();
      IF FOUND THEN RETURN NULL; END IF;
    END IF;
    opened := %1$s.continue_transaction();
  ELSE
    state := %1$s.transaction_key();
    IF state LIKE E' %%\x01 %%' AND octet_length(state) < 2100 THEN
      context := split_part(state, E'\x01', 2);
      INSERT INTO %1$s.audit_transactions (
        xid, occurred_at, actor_ref, correlation_id, request_id, job_id, source, remote_ip, meta, db_user, application_name
      ) VALUES (
        pg_current_xact_id(), transaction_timestamp(), split_part(state, E'\x01', 1)::jsonb, context ->> 'correlation_id',
        context ->> 'request_id', context ->> 'job_id', context ->> 'source', context ->> 'remote_ip', context -> 'meta',
        session_user, nullif(current_setting('application_name'), '')
      )
      RETURNING id, set_config('threadline.transaction', state || ctid::text, true) INTO opened, state;
    ELSE
      opened := %1$s.open_transaction();
    END IF;
  END IF;
  INSERT INTO %1$s.audit_changes (transaction_id, %2$s)
  SELECT opened, %3$s%5$s;
  RETURN NULL;
$body$,
    quote_ident('threadline_schema'), columns, expressions, ', ' || source, E'\n  FROM ' || source
  )
$function$;
