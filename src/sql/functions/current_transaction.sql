-- The id of the present audit transaction, begun where there is none: what the capture functions do inline, for those
-- who are in no hurry, with settings of its own.
CREATE OR REPLACE FUNCTION threadline_schema.current_transaction()
RETURNS bigint
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $function$
  SELECT threadline_schema.continue_transaction()
$function$;
