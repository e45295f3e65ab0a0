-- Settings that are attached to roles, databases and functions and that name an actor for everybody, or switch
-- capture off.
CREATE OR REPLACE FUNCTION threadline_schema.setting_findings()
RETURNS TABLE (code text, object text, message text, remedy text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN QUERY
  WITH attached AS (
    SELECT
      concat_ws(' ',
        CASE WHEN s.setrole <> 0 THEN 'ROLE ' || quote_ident(pg_get_userbyid(s.setrole)) WHEN s.setdatabase = 0 THEN 'ROLE ALL' END,
        CASE WHEN s.setrole <> 0 AND s.setdatabase <> 0 THEN 'IN' END,
        CASE WHEN s.setdatabase <> 0 THEN 'DATABASE ' || quote_ident(current_database()) END
      ) AS object,
      unnest(s.setconfig) AS setting
    FROM pg_db_role_setting s
    WHERE s.setdatabase IN (0, (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))
    UNION ALL
    SELECT 'ROUTINE ' || p.oid::regprocedure, unnest(p.proconfig) FROM pg_proc p WHERE p.proconfig IS NOT NULL
  ), named AS (
    SELECT attached.object, split_part(setting, '=', 1) AS name, substring(setting FROM position('=' IN setting) + 1) AS value
    FROM attached
  )
  SELECT
    CASE WHEN named.name ILIKE 'threadline.%' THEN 'setting_override' ELSE 'capture_bypassed' END,
    named.object,
    CASE
      WHEN named.name ILIKE 'threadline.%' THEN format('it sets %s: changes are recorded under a context that nobody was in', named.name)
      ELSE format('it sets session_replication_role to %s: nothing is recorded', named.value)
    END,
    format('ALTER %s RESET %s', named.object, named.name)
  FROM named
  WHERE named.name ILIKE 'threadline.%' OR named.name = 'session_replication_role' AND named.value = 'replica'
  UNION ALL
  SELECT 'capture_bypassed', 'this session', 'its session_replication_role is replica: what it writes is not recorded',
    'RESET session_replication_role'
  WHERE current_setting('session_replication_role') = 'replica';

  -- Rights to settings are known from PostgreSQL 15 on.
  IF to_regclass('pg_catalog.pg_parameter_acl') IS NOT NULL THEN
    RETURN QUERY EXECUTE $query$
      SELECT 'capture_bypassed', CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
        'it may set session_replication_role, with which nothing is recorded',
        format('REVOKE SET ON PARAMETER session_replication_role FROM %s', CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END)
      FROM pg_parameter_acl p
      CROSS JOIN LATERAL aclexplode(p.paracl) a
      WHERE p.parname = 'session_replication_role' AND a.privilege_type = 'SET'
        AND NOT (SELECT r.rolsuper FROM pg_roles r WHERE r.oid = a.grantee UNION ALL SELECT false LIMIT 1)
    $query$;
  END IF;
END
$function$;
