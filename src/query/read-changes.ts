import type { Executor } from '../core/executor.ts';
import type { Change } from './change.ts';
import { readEntries } from './entries.ts';
import { auditTable } from './page.ts';
import type { Parameters } from './parameters.ts';

/** The JSON text of one change `c` in its transaction `t` with its action `a`: the shape of {@link Change}. */
const CHANGE_ENTRY_SQL = `
  pg_catalog.json_build_object(
    'id', c.id::pg_catalog.text,
    'op', c.op,
    'table', pg_catalog.json_build_object('schema', c.table_schema, 'name', c.table_name),
    'partition', c.partition_name,
    'pk', c.table_pk,
    'pkBefore', c.table_pk_before,
    'changedFields', coalesce(c.changed_fields, '{}'),
    'before', case c.op when 'update' then c.data_after || c.changed_from else c.changed_from end,
    'after', c.data_after,
    'at', ${utc('c.captured_at')},
    'transaction', pg_catalog.json_build_object(
      'id', c.transaction_id::pg_catalog.text,
      'actor', t.actor_ref,
      'correlationId', t.correlation_id,
      'requestId', t.request_id,
      'jobId', t.job_id,
      'source', t.source,
      'remoteIp', t.remote_ip,
      'meta', t.meta,
      'dbUser', t.db_user,
      'applicationName', t.application_name,
      'action', case when a.id is not null then pg_catalog.json_build_object(
        'id', a.id::pg_catalog.text,
        'name', a.name,
        'status', a.status,
        'verb', a.verb,
        'category', a.category,
        'reason', a.reason,
        'comment', a.comment,
        'meta', a.meta,
        'at', ${utc('a.occurred_at')}
      ) end
    )
  )::pg_catalog.text as entry`;

function utc(timestamp: string): string {
  return `pg_catalog.to_char(${timestamp} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}

/** Reads the changes whose ids `selection`, a SELECT of one page of them, returns, in its order. */
export async function readChanges(
  executor: Executor,
  page: { readonly selection: string; readonly parameters: Parameters; readonly schema?: string | undefined },
): Promise<readonly Change[]> {
  const text = `
    select ${CHANGE_ENTRY_SQL}
    from (select chosen.id, pg_catalog.row_number() over () as position from (${page.selection}) chosen) page
    join ${auditTable('audit_changes', page.schema)} c on c.id = page.id
    left join ${auditTable('audit_transactions', page.schema)} t on t.id = c.transaction_id
    left join ${auditTable('audit_actions', page.schema)} a on a.id = t.action_id
    order by page.position`;
  const entries = await readEntries(executor, { text, parameters: page.parameters, schema: page.schema });
  return entries as readonly unknown[] as readonly Change[];
}
