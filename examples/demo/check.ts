import type pg from 'pg';
import type { KnownChange } from './known-changes.ts';
import { AUDITED_TABLES } from './prepare.ts';
import { ACTIONS, SHELLS } from './traffic.ts';

/** One thing that the demo claims, and what speaks against it. */
export interface Finding {
  readonly claim: string;
  readonly problems: readonly string[];
}

/** Holds what the database recorded against what the clients know to have done. Reads with SQL of its own. */
export async function check(pool: pg.Pool, known: readonly KnownChange[]): Promise<readonly Finding[]> {
  const recorded = (await pool.query(RECORDED_SQL)).rows.map(({ change }) => describe(change));
  const actions = (await pool.query(ACTIONS_SQL)).rows.map(({ action }) => action);
  const leftovers = (await pool.query(LEFTOVERS_SQL, [SHELLS])).rows.map(({ leftover }) => leftover);
  return [
    {
      claim: `${known.length} changes, each with the actor and the correlation id of the request or job that made it`,
      problems: differences(recorded, known.map(describe)),
    },
    {
      claim: `${ACTIONS.length} named actions, each with its actor, linked to the changes of its transaction`,
      problems: differences(actions, ACTIONS),
    },
    { claim: 'Nothing of the request that was rolled back', problems: leftovers },
    {
      claim: 'The newest image of every row is the row as it stands in its table',
      problems: (await Promise.all(AUDITED_TABLES.map((table) => staleRows(pool, table)))).flat(),
    },
  ];
}

const RECORDED_SQL = `
  select json_build_object(
    'op', c.op, 'table', c.table_name, 'key', c.table_pk, 'fields', coalesce(c.changed_fields, '{}'),
    'actor', t.actor_ref, 'correlationId', t.correlation_id
  ) as change
  from threadline.audit_changes c join threadline.audit_transactions t on t.id = c.transaction_id`;

const ACTIONS_SQL = `
  select (a.actor_ref ->> 'type') || ':' || (a.actor_ref ->> 'id') || ' ' || a.name as action
  from threadline.audit_actions a join threadline.audit_transactions t on t.action_id = a.id
  where exists (select from threadline.audit_changes c where c.transaction_id = t.id)
    and t.actor_ref = a.actor_ref and t.correlation_id = a.correlation_id`;

const LEFTOVERS_SQL = `
  select 'change ' || c.id as leftover
  from threadline.audit_changes c join threadline.audit_transactions t on t.id = c.transaction_id
  where t.correlation_id = $1
  union all select 'action ' || name from threadline.audit_actions where correlation_id = $1
  union all select 'job ' || id from jobs`;

/** The rows of a table that differ from the newest image in the log, by a full join of the two. */
async function staleRows(pool: pg.Pool, table: (typeof AUDITED_TABLES)[number]): Promise<readonly string[]> {
  const { rows } = await pool.query(
    `with images as (
       select id, table_pk as key, data_after as image from threadline.audit_changes where table_name = $1
       union all
       select id, table_pk_before, null from threadline.audit_changes
       where table_name = $1 and table_pk_before is not null
     ), newest as (
       select distinct on (key) image from images order by key, id desc
     )
     select coalesce(image, to_jsonb(r))::text as problem
     from (select image from newest where image is not null) n
     full join ${table} r on image = to_jsonb(r)
     where image is null or r is null`,
    [table],
  );
  return rows.map(({ problem }) => `${table} ${problem}`);
}

function describe({ actor, correlationId, op, table, key, fields }: KnownChange): string {
  const who = actor === null ? 'nobody' : `${actor.type}:${'id' in actor ? actor.id : ''}`;
  const sortedKey = Object.entries(key)
    .sort()
    .map(([column, value]) => `${column}=${value}`);
  return [who, correlationId, op, table, ...sortedKey, ...[...fields].sort()].join(' ');
}

/** What is missing in `found`, and what is there too much. */
function differences(found: readonly string[], wanted: readonly string[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const text of wanted) counts.set(text, (counts.get(text) ?? 0) + 1);
  for (const text of found) counts.set(text, (counts.get(text) ?? 0) - 1);
  return [...counts].flatMap(([text, count]) =>
    count === 0 ? [] : [`${count > 0 ? 'missing' : 'unexpected'}: ${text}`],
  );
}
