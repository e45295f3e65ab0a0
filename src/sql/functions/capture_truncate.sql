-- Captures TRUNCATE of any audited table, and of a leaf of one.
CREATE OR REPLACE FUNCTION threadline_schema.capture_truncate()
RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  place tid := threadline_schema.current_transaction();
BEGIN
  INSERT INTO threadline_schema.audit_changes (transaction_id, captured_at, table_schema, table_name, partition_name, op)
  SELECT t.id, clock_timestamp(), n.nspname, c.relname, CASE WHEN c.oid <> TG_RELID THEN TG_RELID::regclass END, 'truncate'
  FROM threadline_schema.audit_transactions t, pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE t.ctid = place AND t.xid = pg_current_xact_id() AND c.oid = coalesce(pg_partition_root(TG_RELID), TG_RELID);
  RETURN NULL;
END
$function$;
