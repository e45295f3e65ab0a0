-- The id of the present audit transaction, begun where there is none: what the capture functions do inline, for those
-- who are in no hurry. Its place is then at the end of threadline.transaction.
CREATE OR REPLACE FUNCTION threadline_schema.current_transaction()
RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $function$
DECLARE
  opened bigint;
BEGIN
  IF starts_with(current_setting('threadline.transaction', true), threadline_schema.transaction_key()) THEN
    SELECT t.id INTO opened
    FROM threadline_schema.audit_transactions t
    WHERE t.ctid = threadline_schema.place_of(current_setting('threadline.transaction', true)) AND t.xid = pg_current_xact_id();
  END IF;
  IF opened IS NULL THEN
    opened := threadline_schema.continue_transaction();
  END IF;
  RETURN opened;
END
$function$;
