-- Everything that is wrong with an installation, with what to do about it. That a table is not audited is wrong where
-- it was named.
CREATE OR REPLACE FUNCTION threadline_schema.findings(tables regclass[] DEFAULT NULL)
RETURNS TABLE (code text, object text, message text, remedy text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $function$
  WITH states AS MATERIALIZED (
    SELECT * FROM threadline_schema.table_states(tables)
  )
  SELECT p.code, s.relation_name, p.message, p.remedy
  FROM states s
  CROSS JOIN LATERAL jsonb_to_recordset(s.problems) p (code text, message text, remedy text)
  UNION ALL
  SELECT 'table_uncovered', s.relation_name, 'it is not audited',
    format('SELECT %I.install_trigger(%L)', 'threadline_schema', s.relation_name)
  FROM states s
  WHERE tables IS NOT NULL AND s.state = 'uncovered'
  UNION ALL
  SELECT * FROM threadline_schema.log_findings()
  UNION ALL
  SELECT * FROM threadline_schema.grant_findings()
  UNION ALL
  SELECT * FROM threadline_schema.setting_findings()
$function$;
