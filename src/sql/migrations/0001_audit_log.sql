-- One row per database transaction and context: the group that changes belong to.
--
-- xid is for information and for recognising the running transaction. Nothing is ever looked up by it in the
-- past: a restored or replicated log holds numbers that this cluster has yet to hand out.
CREATE TABLE threadline_schema.audit_transactions (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  xid xid8 NOT NULL,
  occurred_at timestamptz NOT NULL,
  actor_ref jsonb,
  correlation_id text COLLATE "C",
  request_id text COLLATE "C",
  job_id text COLLATE "C",
  source text COLLATE "C",
  remote_ip text COLLATE "C",
  meta jsonb,
  action_id bigint,
  db_user text COLLATE "C" NOT NULL,
  application_name text COLLATE "C"
);

-- Newest first of one actor and of one correlation id. No index here is partial or has an expression: PostgreSQL
-- prepares those anew for each statement, which costs more than the entry. A hash index takes no NULL.
CREATE INDEX audit_transactions_actor_index ON threadline_schema.audit_transactions (actor_ref, id);
CREATE INDEX audit_transactions_correlation_index ON threadline_schema.audit_transactions (correlation_id, id);
CREATE INDEX audit_transactions_action_index ON threadline_schema.audit_transactions USING hash (action_id);

-- One row per captured row operation.
--
-- transaction_id has no foreign key on purpose. The trigger copies it out of the very row it points to, which
-- its own transaction wrote, so that it cannot dangle; and a foreign key makes concurrent SERIALIZABLE writers
-- fail: each reads the index page that the others insert into.
--
-- For the same reason nothing else on the way of a write reads an index of these tables.
--
-- captured_at has a default for the planner: a volatile function among the values of an INSERT ... SELECT costs a plan
-- node of its own, and as a default it does not. The columns of a fixed size come first, which saves their padding.
--
-- Which columns each op fills (the rest is NULL):
--   insert    table_pk, data_after
--   update    table_pk, table_pk_before if the key changed, changed_fields, changed_from, data_after
--   delete    table_pk, changed_from
--   truncate  none
-- CHECK constraints would say so in the catalog, but PostgreSQL parses them anew for each statement, which here is
-- each row: two of them made a one-row insert five times as dear.
CREATE TABLE threadline_schema.audit_changes (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  transaction_id bigint NOT NULL,
  captured_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  row_hash bigint NOT NULL,
  table_schema text COLLATE "C" NOT NULL,
  table_name text COLLATE "C" NOT NULL,
  partition_name text COLLATE "C",
  op text COLLATE "C" NOT NULL,
  table_pk jsonb,
  table_pk_before jsonb,
  changed_fields text[],
  changed_from jsonb,
  data_after jsonb
);

-- Newest first of one transaction.
CREATE INDEX audit_changes_transaction_index ON threadline_schema.audit_changes (transaction_id, id);
-- Newest first of one table.
CREATE INDEX audit_changes_table_index ON threadline_schema.audit_changes (table_name, table_schema, id);
-- Newest first of one row: row_hash() of its table and key. Rows without a key are all under the hash of their table,
-- and in a table with a key, these are its TRUNCATEs.
CREATE INDEX audit_changes_row_index ON threadline_schema.audit_changes (row_hash, id);
-- Only what changed a key is in here.
CREATE INDEX audit_changes_key_before_index ON threadline_schema.audit_changes USING hash (table_pk_before);
-- A window of time, for next to nothing: rows are stored in about the order of this column.
CREATE INDEX audit_changes_time_index ON threadline_schema.audit_changes USING brin (captured_at) WITH (pages_per_range = 32);

-- A named business event; audit_transactions.action_id says what it covers.
CREATE TABLE threadline_schema.audit_actions (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  occurred_at timestamptz NOT NULL,
  name text COLLATE "C" NOT NULL,
  actor_ref jsonb,
  status text COLLATE "C" NOT NULL,
  verb text,
  category text,
  reason text,
  comment text,
  correlation_id text COLLATE "C",
  request_id text COLLATE "C",
  job_id text COLLATE "C",
  meta jsonb
);

CREATE INDEX audit_actions_name_index ON threadline_schema.audit_actions (name, id);
CREATE INDEX audit_actions_correlation_index ON threadline_schema.audit_actions (correlation_id, id);

-- What was installed when. The version in force is the answer of schema_version().
CREATE TABLE threadline_schema.migrations (
  version integer PRIMARY KEY,
  applied_at timestamptz NOT NULL DEFAULT transaction_timestamp()
);

-- The tables that are audited, with their options and the function that captures their rows. The triggers are where
-- this is kept: they follow their table through renames, end with it, and come back with it from a dump.
CREATE VIEW threadline_schema.audited_tables AS
  SELECT
    t.tgrelid::regclass AS relation,
    convert_from(substring(t.tgargs FOR length(t.tgargs) - 1), getdatabaseencoding())::jsonb AS options,
    t.tgfoid::regproc AS capture,
    t.tgenabled IN ('O', 'A') AS is_enabled
  FROM pg_trigger t
  JOIN pg_proc p ON p.oid = t.tgfoid
  JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE t.tgname IN ('00_threadline_insert', '00_threadline_change') AND t.tgparentid = 0 AND n.nspname = 'threadline_schema';

-- Tables that were renamed or moved: what was recorded under the former name, up to last_id, is of the table that
-- then had the name beside it. last_id is the greatest there is until another table takes the former name.
CREATE TABLE threadline_schema.table_renames (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  former_schema text COLLATE "C" NOT NULL,
  former_name text COLLATE "C" NOT NULL,
  table_schema text COLLATE "C" NOT NULL,
  table_name text COLLATE "C" NOT NULL,
  last_id bigint NOT NULL,
  renamed_at timestamptz NOT NULL
);

-- The baselines of tables, begun or finished. The table's changes up to start_id were made before its baseline, all
-- others after it; the ids in between, from next_id up to end_id, are reserved for its rows.
CREATE TABLE threadline_schema.baselines (
  table_schema text COLLATE "C" NOT NULL,
  table_name text COLLATE "C" NOT NULL,
  shape text NOT NULL,
  started_at timestamptz NOT NULL,
  start_id bigint NOT NULL,
  next_id bigint NOT NULL,
  end_id bigint NOT NULL,
  last_key jsonb,
  recorded bigint NOT NULL DEFAULT 0,
  finished_at timestamptz,
  PRIMARY KEY (table_schema, table_name)
);
