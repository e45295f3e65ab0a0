-- Grants readers what it takes to read the log, and writers what it takes to record actions; the triggers need no
-- grant. What is granted already is left alone, and nothing is taken away.
CREATE OR REPLACE FUNCTION threadline_schema.grant_access(readers text[], writers text[])
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  own_schema constant regnamespace := quote_ident('threadline_schema')::regnamespace;
  missing text;
  wanted record;
BEGIN
  SELECT string_agg(DISTINCT quote_ident(name), ', ') INTO missing
  FROM unnest(readers || writers) name
  WHERE NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = name);
  IF missing IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'TL042',
      MESSAGE = format('Threadline: there is no role %s', missing),
      HINT = 'Create the role first, or check the name: case counts, and PUBLIC is none.';
  END IF;

  FOR wanted IN
    SELECT DISTINCT o.privilege, o.kind, o.name, r.rolname
    FROM (
      SELECT 'USAGE', 'SCHEMA', quote_ident(n.nspname), n.nspowner, n.nspacl, readers || writers
      FROM pg_namespace n WHERE n.oid = own_schema
      UNION ALL
      SELECT 'SELECT', 'TABLE', c.oid::regclass::text, c.relowner, c.relacl, readers
      FROM pg_class c WHERE c.relnamespace = own_schema AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
      UNION ALL
      SELECT 'EXECUTE', 'FUNCTION', p.oid::regprocedure::text, p.proowner, coalesce(p.proacl, acldefault('f', p.proowner)),
        CASE f.audience WHEN 'readers' THEN readers ELSE writers END
      FROM pg_proc p
      JOIN threadline_schema.grantable_functions() f ON f.name = p.proname
      WHERE p.pronamespace = own_schema
    ) o (privilege, kind, name, owner, acl, roles)
    JOIN pg_roles r ON r.rolname = ANY (o.roles) AND r.oid <> o.owner
    WHERE NOT EXISTS (SELECT FROM aclexplode(o.acl) a WHERE a.grantee = r.oid AND a.privilege_type = o.privilege)
  LOOP
    EXECUTE format('GRANT %s ON %s %s TO %I', wanted.privilege, wanted.kind, wanted.name, wanted.rolname);
  END LOOP;
END
$function$;
