-- Changes by their ids, in the order of these, each as one JSON object with its audit transaction and its action: what
-- history() and timeline() return. Ids that are not in the log are left out.
--
-- In PL/pgSQL, which plans this once for a session. Out of rows, which become JSON faster than what json_build_object is
-- given: it looks up the type of each argument, names included, for each change.
CREATE OR REPLACE FUNCTION threadline_schema.change_entries(ids bigint[])
RETURNS SETOF json
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY
  SELECT row_to_json(entry)
  FROM unnest(ids) WITH ORDINALITY page (id, position)
  JOIN threadline_schema.audit_changes c ON c.id = page.id
  LEFT JOIN threadline_schema.audit_transactions t ON t.id = c.transaction_id
  LEFT JOIN threadline_schema.audit_actions a ON a.id = t.action_id
  CROSS JOIN LATERAL (SELECT c.table_schema AS schema, c.table_name AS name) "table"
  CROSS JOIN LATERAL (
    SELECT
      a.id::text AS id, a.name, a.status, a.verb, a.category, a.reason, a.comment, a.meta,
      to_char(a.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at
  ) action
  CROSS JOIN LATERAL (
    SELECT
      c.transaction_id::text AS id, CASE WHEN threadline_schema.is_actor_ref(t.actor_ref) THEN t.actor_ref END AS actor, t.correlation_id AS "correlationId",
      t.request_id AS "requestId", t.job_id AS "jobId", t.source, t.remote_ip AS "remoteIp",
      CASE WHEN jsonb_typeof(t.meta) = 'object' THEN t.meta END AS meta,
      t.db_user AS "dbUser", t.application_name AS "applicationName",
      CASE WHEN a.id IS NOT NULL THEN row_to_json(action) END AS action
  ) transaction
  CROSS JOIN LATERAL (
    SELECT
      c.id::text AS id, c.op, "table", c.partition_name AS partition, c.table_pk AS pk,
      c.table_pk_before AS "pkBefore", coalesce(c.changed_fields, '{}') AS "changedFields",
      CASE c.op WHEN 'update' THEN c.data_after || c.changed_from ELSE c.changed_from END AS before,
      c.data_after AS after, to_char(c.captured_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at,
      transaction
  ) entry
  ORDER BY page.position;
END
$function$;
