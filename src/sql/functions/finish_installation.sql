-- What an installation ends with. What is new belongs to the owner of the log, also where a superuser brings it up to
-- date; nobody else may use it, whatever the default privileges of the database give away; and the capture functions
-- of the tables that are audited already are written anew.
CREATE OR REPLACE FUNCTION threadline_schema.finish_installation(is_first boolean)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  own_schema constant regnamespace := quote_ident('threadline_schema')::regnamespace;
  -- A later installation leaves alone what the owner has granted of these.
  grantable constant name[] := ARRAY(SELECT f.name FROM threadline_schema.grantable_functions() f);
  owner constant regrole := threadline_schema.log_owner();
  strayed record;
  granted record;
  audited record;
BEGIN
  FOR strayed IN
    SELECT 'TABLE' AS kind, c.oid::regclass::text AS name
    FROM pg_class c WHERE c.relnamespace = own_schema AND c.relkind IN ('r', 'v') AND c.relowner <> owner
    UNION ALL
    SELECT 'ROUTINE', p.oid::regprocedure::text FROM pg_proc p WHERE p.pronamespace = own_schema AND p.proowner <> owner
  LOOP
    EXECUTE format('ALTER %s %s OWNER TO %s', strayed.kind, strayed.name, owner);
  END LOOP;

  FOR granted IN
    SELECT DISTINCT o.kind, o.name, a.grantee
    FROM (
      SELECT 'SCHEMA', n.nspname::text, n.nspowner, n.nspacl, is_first
      FROM pg_namespace n WHERE n.oid = own_schema
      UNION ALL
      SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::regclass::text, c.relowner, c.relacl, is_first
      FROM pg_class c WHERE c.relnamespace = own_schema AND c.relkind IN ('r', 'v', 'S')
      UNION ALL
      SELECT 'FUNCTION', p.oid::regprocedure::text, p.proowner, coalesce(p.proacl, acldefault('f', p.proowner)),
        is_first OR p.proacl IS NULL OR p.proname <> ALL (grantable)
      FROM pg_proc p WHERE p.pronamespace = own_schema
    ) o (kind, name, owner, acl, is_ours)
    CROSS JOIN LATERAL aclexplode(o.acl) a
    WHERE o.is_ours AND a.grantee <> o.owner
  LOOP
    EXECUTE format(
      'REVOKE ALL ON %s %s FROM %s',
      granted.kind,
      CASE granted.kind WHEN 'SCHEMA' THEN quote_ident(granted.name) ELSE granted.name END,
      CASE granted.grantee WHEN 0 THEN 'PUBLIC' ELSE granted.grantee::regrole::text END
    );
  END LOOP;

  FOR audited IN SELECT * FROM threadline_schema.audited_tables LOOP
    PERFORM threadline_schema.install_trigger(audited.relation, audited.options);
  END LOOP;
END
$function$;
