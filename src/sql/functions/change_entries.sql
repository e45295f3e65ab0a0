-- Changes by their ids, in the order of these, each as one JSON object with its audit transaction and its action: what
-- history() and timeline() return. Ids that are not in the log are left out.
--
-- In PL/pgSQL, which plans this once for a session.
CREATE OR REPLACE FUNCTION threadline_schema.change_entries(ids bigint[])
RETURNS SETOF json
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY
  SELECT json_build_object(
    'id', c.id::text,
    'op', c.op,
    'table', json_build_object('schema', c.table_schema, 'name', c.table_name),
    'partition', c.partition_name,
    'pk', c.table_pk,
    'pkBefore', c.table_pk_before,
    'changedFields', coalesce(c.changed_fields, '{}'),
    'before', CASE c.op WHEN 'update' THEN c.data_after || c.changed_from ELSE c.changed_from END,
    'after', c.data_after,
    'at', to_char(c.captured_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'transaction', json_build_object(
      'id', c.transaction_id::text,
      'actor', t.actor_ref,
      'correlationId', t.correlation_id,
      'requestId', t.request_id,
      'jobId', t.job_id,
      'source', t.source,
      'remoteIp', t.remote_ip,
      'meta', t.meta,
      'dbUser', t.db_user,
      'applicationName', t.application_name,
      'action', CASE WHEN a.id IS NOT NULL THEN json_build_object(
        'id', a.id::text,
        'name', a.name,
        'status', a.status,
        'verb', a.verb,
        'category', a.category,
        'reason', a.reason,
        'comment', a.comment,
        'meta', a.meta,
        'at', to_char(a.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
      ) END
    )
  )
  FROM unnest(ids) WITH ORDINALITY page (id, position)
  JOIN threadline_schema.audit_changes c ON c.id = page.id
  LEFT JOIN threadline_schema.audit_transactions t ON t.id = c.transaction_id
  LEFT JOIN threadline_schema.audit_actions a ON a.id = t.action_id
  ORDER BY page.position;
END
$function$;
