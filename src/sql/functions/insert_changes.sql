-- The part of a capture function that inserts changes, under the audit transaction that is open for the present context
-- or else under a new one. The values of the columns are expressions over the rows of a source; without one it is one row.
--
-- Anybody can write the settings that say where the row of the audit transaction is: it has to be one of the running
-- transaction. The row that has just been found or made needs no such check, and a transaction of a single
-- write does without the join. What a variable holds need not be prepared anew for each INSERT.
CREATE OR REPLACE FUNCTION threadline_schema.insert_changes(columns text, expressions text, source text DEFAULT NULL)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT format(
    $body$
  IF current_setting('threadline.transaction_key', true) <> '' THEN
    IF current_setting('threadline.transaction_key', true) = %1$s.transaction_key() THEN
      place := current_setting('threadline.transaction_place', true)::tid;
      INSERT INTO %1$s.audit_changes (transaction_id, %2$s)
      SELECT t.id, %3$s
      FROM %1$s.audit_transactions t%4$s
      WHERE t.ctid = place AND t.xid = pg_current_xact_id();
      IF FOUND THEN RETURN NULL; END IF;
    END IF;
    opened := %1$s.continue_transaction();
  ELSE
    opened := %1$s.open_transaction();
  END IF;
  INSERT INTO %1$s.audit_changes (transaction_id, %2$s)
  SELECT opened, %3$s%5$s;
  RETURN NULL;
$body$,
    quote_ident('threadline_schema'), columns, expressions, ', ' || source, E'\n  FROM ' || source
  )
$function$;
