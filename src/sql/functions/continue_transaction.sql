-- Finds the audit transaction of the present context among those that the running database transaction has begun, or
-- begins it, and returns its id. Its place is then at the end of threadline.transaction.
--
-- Without SET: see open_transaction.
CREATE OR REPLACE FUNCTION threadline_schema.continue_transaction()
RETURNS bigint
LANGUAGE plpgsql VOLATILE
AS $function$
DECLARE
  key constant text := threadline_schema.transaction_key();
  left_transaction constant text := coalesce(current_setting('threadline.transaction', true), '');
  found_id bigint;
  place tid;
BEGIN
  IF left_transaction <> '' THEN
    place := CASE
      WHEN starts_with(left_transaction, key) THEN threadline_schema.place_of(left_transaction)
      ELSE threadline_schema.change_context(left_transaction, key)
    END;
    SELECT t.id INTO found_id
    FROM threadline_schema.audit_transactions t
    WHERE t.ctid = place AND t.xid = pg_current_xact_id();
  END IF;
  IF found_id IS NULL THEN
    RETURN threadline_schema.open_transaction();
  END IF;
  PERFORM set_config('threadline.transaction', key || place::text, true);
  RETURN found_id;
END
$function$;
