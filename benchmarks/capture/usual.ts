/**
 * The usual design, as a reference: one generic row trigger that upserts the transaction's row and
 * looks it up for every change, tells the changed columns by joining both images as jsonb, and has
 * uuids for keys.
 *
 * @returns SQL that creates its log and audits a table
 */
export function usualDesign(table: string): string {
  return `
  create schema usual;
  create table usual.transactions (
    id uuid primary key default gen_random_uuid(),
    txid bigint not null unique,
    actor jsonb,
    context jsonb,
    occurred_at timestamptz not null default now()
  );
  create table usual.changes (
    id uuid primary key default gen_random_uuid(),
    transaction_id uuid not null references usual.transactions,
    table_schema text not null,
    table_name text not null,
    table_pk jsonb,
    op text not null,
    changed_fields text[],
    changed_from jsonb,
    data_after jsonb,
    captured_at timestamptz not null default clock_timestamp()
  );
  create index on usual.changes (transaction_id);
  create index on usual.changes (table_schema, table_name, table_pk);
  create function usual.capture() returns trigger language plpgsql security definer set search_path = pg_catalog as $$
  declare
    audit_transaction uuid;
    before jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) end;
    after jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) end;
    fields text[];
    changed_from jsonb;
  begin
    insert into usual.transactions (txid, actor, context)
    values (
      txid_current(), nullif(current_setting('threadline.actor_ref', true), '')::jsonb,
      nullif(current_setting('threadline.context', true), '')::jsonb
    )
    on conflict (txid) do nothing;
    select id into audit_transaction from usual.transactions where txid = txid_current();
    if tg_op = 'UPDATE' then
      select array_agg(n.key), jsonb_object_agg(n.key, o.value) into fields, changed_from
      from jsonb_each(after) n join jsonb_each(before) o on o.key = n.key
      where n.value is distinct from o.value;
      if fields is null then return null; end if;
    elsif tg_op = 'DELETE' then
      changed_from := before;
    end if;
    insert into usual.changes (
      transaction_id, table_schema, table_name, table_pk, op, changed_fields, changed_from, data_after
    ) values (
      audit_transaction, tg_table_schema, tg_table_name, jsonb_build_object('id', coalesce(after, before) -> 'id'),
      lower(tg_op), fields, changed_from, after
    );
    return null;
  end $$;
  create trigger audit after insert or update or delete on ${table} for each row execute function usual.capture()`;
}
