/**
 * The plainest triggers for this one table that store what Threadline stores: what is to be reached.
 * Every column is written out, inserts and deletes are captured by the statement, and nothing is
 * checked: not whether the settings were forged, not whether the columns are still those.
 *
 * @returns SQL that creates a log in a schema of its own, and the triggers
 */
export function byHand(schema: string, table: string, images: 'full' | 'changed'): string {
  return `${logOf(schema)}; ${triggersOf(schema, table, images)}`;
}

function logOf(schema: string): string {
  return `
  create schema ${schema};
  create table ${schema}.transactions (
    id bigint generated always as identity primary key, xid xid8 not null, occurred_at timestamptz not null, actor_ref jsonb,
    correlation_id text collate "C", request_id text collate "C", job_id text collate "C", source text collate "C",
    remote_ip text collate "C", meta jsonb, action_id bigint, db_user text collate "C" not null,
    application_name text collate "C"
  );
  create index on ${schema}.transactions (actor_ref, id);
  create index on ${schema}.transactions (correlation_id, id);
  create index on ${schema}.transactions using hash (action_id);
  create table ${schema}.changes (
    id bigint generated always as identity primary key, transaction_id bigint not null, captured_at timestamptz not null,
    row_hash bigint not null, table_schema text collate "C" not null, table_name text collate "C" not null,
    partition_name text collate "C", op text collate "C" not null, table_pk jsonb, table_pk_before jsonb, changed_fields text[],
    changed_from jsonb, data_after jsonb
  );
  create index on ${schema}.changes (transaction_id, id);
  create index on ${schema}.changes (table_name, table_schema, id);
  create index on ${schema}.changes (row_hash, id);
  create index on ${schema}.changes using hash (table_pk_before);
  create index on ${schema}.changes using brin (captured_at) with (pages_per_range = 32);
  create function ${schema}.open_transaction() returns bigint language plpgsql as $$
  declare
    opened bigint;
    context jsonb := nullif(current_setting('threadline.context', true), '')::jsonb;
  begin
    insert into ${schema}.transactions (
      xid, occurred_at, actor_ref, correlation_id, request_id, job_id, source, remote_ip, meta, db_user, application_name
    ) values (
      pg_current_xact_id(), transaction_timestamp(), nullif(current_setting('threadline.actor_ref', true), '')::jsonb,
      context ->> 'correlation_id', context ->> 'request_id', context ->> 'job_id', context ->> 'source',
      context ->> 'remote_ip', context -> 'meta', session_user, nullif(current_setting('application_name'), '')
    ) returning id into opened;
    perform set_config('${schema}.xid', pg_current_xact_id()::text, true), set_config('${schema}.id', opened::text, true);
    return opened;
  end $$`;
}

const COLUMNS = 'id email name age balance active created_at updated_at birthday address city tags settings'.split(' ');

/** The table in the upper bits, the key in the others. */
function rowHash(id: string): string {
  return `hashtextextended(tg_table_schema || '.' || tg_table_name, 0) & -17592186044416 | ${id}`;
}

/** The function body that captures updates: one IF a column. */
function update(schema: string, images: 'full' | 'changed'): string {
  const partial = images === 'changed';
  const comparisons = COLUMNS.map(
    (column) => `
      if old.${column} is distinct from new.${column} then
        fields := fields || '${column}'::text; before := before || jsonb_build_object('${column}', old.${column});
        ${partial ? `after := after || jsonb_build_object('${column}', new.${column});` : ''}
      end if;`,
  );
  return `
    key := jsonb_build_object('id', new.id);
    if old.id is distinct from new.id then key_before := jsonb_build_object('id', old.id); end if;
    fields := '{}'; before := '{}'; after := ${partial ? `'{}'` : 'to_jsonb(new)'};
    ${comparisons.join('')}
    insert into ${schema}.changes (
      transaction_id, captured_at, table_schema, table_name, op, row_hash, table_pk, table_pk_before, changed_fields,
      changed_from, data_after
    ) values (
      opened, clock_timestamp(), tg_table_schema, tg_table_name, 'update',
      ${rowHash('new.id')}, key, key_before, fields,
      before, after
    );`;
}

/** The function body that captures what a statement inserted or deleted. */
function statement(schema: string, op: 'insert' | 'delete'): string {
  return `
    insert into ${schema}.changes (
      transaction_id, captured_at, table_schema, table_name, op, row_hash, table_pk,
      ${op === 'insert' ? 'data_after' : 'changed_from'}
    )
    select opened, clock_timestamp(), tg_table_schema, tg_table_name, '${op}',
      ${rowHash('r.id')},
      jsonb_build_object('id', r.id), to_jsonb(r.*)
    from changed_rows r;`;
}

function triggersOf(schema: string, table: string, images: 'full' | 'changed'): string {
  const parts = {
    insert: statement(schema, 'insert'),
    update: update(schema, images),
    delete: statement(schema, 'delete'),
  };
  const events = {
    insert: 'referencing new table as changed_rows for each statement',
    update: 'for each row when (old.* is distinct from new.*)',
    delete: 'referencing old table as changed_rows for each statement',
  };
  return (['insert', 'update', 'delete'] as const)
    .map(
      (op) => `
        create function ${schema}.${op}_${table.replace('.', '_')}() returns trigger
        language plpgsql security definer set search_path = pg_catalog, pg_temp set timezone = 'UTC' as $$
        declare
          opened bigint; key jsonb; key_before jsonb; fields text[]; before jsonb; after jsonb;
        begin
          if current_setting('${schema}.xid', true) = pg_current_xact_id()::text then
            opened := current_setting('${schema}.id', true);
          else
            opened := ${schema}.open_transaction();
          end if;
          ${parts[op]}
          return null;
        end $$;
        create trigger capture_${op} after ${op} on ${table} ${events[op]} execute function ${schema}.${op}_${table.replace('.', '_')}()`,
    )
    .join(';');
}
