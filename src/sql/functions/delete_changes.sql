-- delete_changes(before timestamptz, at_most integer DEFAULT 10000) RETURNS bigint
--
-- The one way to delete from the log, for its owner: deletes the changes that were captured before a moment, the
-- oldest first; then the audit transactions of that time that have no changes any more; then the actions of that
-- time that no audit transaction refers to. At most so many rows of each. Returns how many rows that were: call it
-- again, each time in a transaction of its own, until it returns 0.
--
-- By the time of the change and not of its transaction: the changes of one row are in the order of that time, so that
-- what stays is the end of the row's history, without a gap. What is left no longer begins with an empty table:
-- history and timeline tell what is there, and replay is right again only from a new beginning.
--
-- A call that deletes something records the action audit.changes_deleted, under the context of the caller.
CREATE OR REPLACE FUNCTION threadline_schema.delete_changes(before timestamptz, at_most integer DEFAULT 10000)
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  changes bigint;
  transactions bigint;
  actions bigint;
BEGIN
  IF before IS NULL OR coalesce(at_most, 0) < 1 THEN
    RAISE EXCEPTION USING ERRCODE = 'TL041',
      MESSAGE = 'Threadline: delete_changes needs a moment, and a number of rows that is at least 1',
      HINT = 'For example delete_changes(now() - interval ''1 year'').';
  END IF;
  PERFORM set_config('threadline.deletion', pg_current_xact_id()::text, true);

  DELETE FROM threadline_schema.audit_changes
  WHERE id = ANY (ARRAY(
    SELECT c.id FROM threadline_schema.audit_changes c WHERE c.captured_at < before ORDER BY c.id LIMIT at_most
  ));
  GET DIAGNOSTICS changes = ROW_COUNT;

  DELETE FROM threadline_schema.audit_transactions
  WHERE id = ANY (ARRAY(
    SELECT t.id
    FROM threadline_schema.audit_transactions t
    WHERE t.occurred_at < before
      AND NOT EXISTS (SELECT FROM threadline_schema.audit_changes c WHERE c.transaction_id = t.id)
    ORDER BY t.id LIMIT at_most
  ));
  GET DIAGNOSTICS transactions = ROW_COUNT;

  DELETE FROM threadline_schema.audit_actions
  WHERE id = ANY (ARRAY(
    SELECT a.id
    FROM threadline_schema.audit_actions a
    WHERE a.occurred_at < before
      AND NOT EXISTS (SELECT FROM threadline_schema.audit_transactions t WHERE t.action_id = a.id)
    ORDER BY a.id LIMIT at_most
  ));
  GET DIAGNOSTICS actions = ROW_COUNT;

  PERFORM set_config('threadline.deletion', '', true);
  IF changes + transactions + actions > 0 THEN
    PERFORM threadline_schema.record_action('audit.changes_deleted', jsonb_build_object('meta', jsonb_build_object(
      'before', before, 'changes', changes, 'transactions', transactions, 'actions', actions
    )));
  END IF;
  RETURN changes + transactions + actions;
END
$function$;
