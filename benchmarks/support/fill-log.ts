import type pg from 'pg';

/** How many changes each transaction of the filling has. */
const PER_TRANSACTION = 5;
/** How many tables the filling knows; each has rows as many as its share of changes has tens. */
export const FILLED_TABLES = 20;
/** How many actors there are: half of all transactions are the first one's, the others share the rest. */
export const FILLED_ACTORS = 1000;

/**
 * Fills the log with changes that nobody made: `FILLED_TABLES` tables, `FILLED_ACTORS` actors, one
 * correlation id a transaction, ten changes a row, in the order in which a real log would hold them.
 */
export async function fillLog(admin: pg.Pool, changes: number): Promise<void> {
  if (changes === 0) return;
  const step = 500_000;
  for (let first = 1; first <= changes; first += step) {
    const last = Math.min(changes, first + step - 1);
    await admin.query(`
      with opened as (
        insert into threadline.audit_transactions (
          xid, occurred_at, actor_ref, correlation_id, request_id, source, remote_ip, db_user
        )
        select
          (1000000 + n)::text::xid8, now() - interval '1 second' * (${changes} - n * ${PER_TRANSACTION}),
          jsonb_build_object('type', 'user', 'id', 'u' || case when n % 2 = 0 then 0 else (n::bigint * 7919) % ${FILLED_ACTORS} end),
          'correlation-' || n, 'request-' || n, 'http', '10.0.0.1', 'app'
        from generate_series(${first} / ${PER_TRANSACTION}, ${last} / ${PER_TRANSACTION}) n
        returning id, correlation_id
      )
      insert into threadline.audit_changes (
        transaction_id, captured_at, table_schema, table_name, op, row_hash, table_pk, changed_fields, changed_from, data_after
      )
      select
        opened.id, now() - interval '1 second' * (${changes} - g), 'public', r.name, 'update',
        threadline.row_hash('public', r.name, r.pk), r.pk, '{n}', jsonb_build_object('n', g - 1),
        r.pk || jsonb_build_object('n', g, 'name', 'Name ' || g, 'note', repeat('x', 80))
      from generate_series(${first}, ${last}) g
      join opened on opened.correlation_id = 'correlation-' || g / ${PER_TRANSACTION}
      cross join lateral (
        select
          'filled_' || g % ${FILLED_TABLES} as name,
          jsonb_build_object('id', g / ${FILLED_TABLES} % greatest(${changes} / ${FILLED_TABLES} / 10, 1)) as pk
      ) r
      order by g`);
  }
  await admin.query('vacuum analyze threadline.audit_changes');
  await admin.query('vacuum analyze threadline.audit_transactions');
}
