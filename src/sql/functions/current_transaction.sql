-- The place of the row of the present audit transaction, begun where there is none: what the capture functions do
-- inline, for those who are in no hurry.
CREATE OR REPLACE FUNCTION threadline_schema.current_transaction()
RETURNS tid
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  place tid;
BEGIN
  IF current_setting('threadline.transaction_key', true) = threadline_schema.transaction_key() THEN
    SELECT t.ctid INTO place
    FROM threadline_schema.audit_transactions t
    WHERE t.ctid = current_setting('threadline.transaction_place', true)::tid AND t.xid = pg_current_xact_id();
  END IF;
  IF place IS NULL THEN
    PERFORM threadline_schema.open_transaction();
    place := current_setting('threadline.transaction_place');
  END IF;
  RETURN place;
END
$function$;
