-- Rights in the schema that go further than reading the log and recording actions, objects in it that belong to
-- somebody else than the schema, and functions of others that capture would run with the rights of the owner: to_jsonb
-- uses a cast to json where the type of a column has one, and capture leaves it to that where it trusts the type's owner.
CREATE OR REPLACE FUNCTION threadline_schema.grant_findings()
RETURNS TABLE (code text, object text, message text, remedy text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $function$
  WITH own AS (
    SELECT n.oid, n.nspname, n.nspowner, n.nspacl, c.relowner AS owner
    FROM pg_namespace n
    JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = 'audit_changes'
    WHERE n.nspname = 'threadline_schema'
  ), item (kind, name, owner, acl, columns, harmless) AS (
    SELECT 'SCHEMA', quote_ident(own.nspname), own.nspowner, own.nspacl, NULL::text, '{USAGE}'::text[] FROM own
    UNION ALL
    SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::regclass::text, c.relowner, c.relacl, NULL, '{SELECT}'
    FROM own JOIN pg_class c ON c.relnamespace = own.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
    UNION ALL
    SELECT 'TABLE', c.oid::regclass::text, c.relowner, a.attacl, format(' (%I)', a.attname), '{SELECT}'
    FROM own JOIN pg_class c ON c.relnamespace = own.oid JOIN pg_attribute a ON a.attrelid = c.oid AND a.attacl IS NOT NULL
    UNION ALL
    SELECT 'FUNCTION', p.oid::regprocedure::text, p.proowner, coalesce(p.proacl, acldefault('f', p.proowner)), NULL,
      CASE WHEN p.proname IN (SELECT f.name FROM threadline_schema.grantable_functions() f) THEN '{EXECUTE}'::text[] ELSE '{}' END
    FROM own JOIN pg_proc p ON p.pronamespace = own.oid
  ), granted AS (
    SELECT item.*, a.privilege_type AS privilege, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS role
    FROM item
    CROSS JOIN LATERAL aclexplode(item.acl) a
    WHERE a.grantee <> item.owner AND (a.grantee = 0 OR a.privilege_type <> ALL (item.harmless))
  )
  SELECT 'grant_too_wide', g.name || coalesce(min(g.columns), ''), format('%s has %s', g.role, string_agg(DISTINCT g.privilege, ', ')),
    format('REVOKE %s ON %s %s FROM %s', string_agg(DISTINCT g.privilege || coalesce(g.columns, ''), ', '), g.kind, g.name, g.role)
  FROM granted g
  GROUP BY g.kind, g.name, g.columns, g.role
  UNION ALL
  SELECT 'owner_differs', item.name, format('it belongs to %I, and the log to %I', pg_get_userbyid(item.owner), pg_get_userbyid(own.owner)),
    format('ALTER %s %s OWNER TO %I', item.kind, item.name, pg_get_userbyid(own.owner))
  FROM item, own
  WHERE item.owner <> own.owner AND item.columns IS NULL AND item.kind <> 'SEQUENCE'
  UNION ALL
  SELECT 'role_writes_all', quote_ident(r.rolname), 'as a member of pg_write_all_data it may insert into the log',
    format('REVOKE pg_write_all_data FROM %I', r.rolname)
  FROM pg_roles r, own
  WHERE NOT r.rolsuper AND r.rolname <> 'pg_write_all_data' AND r.oid <> own.owner AND pg_has_role(r.oid, 'pg_write_all_data', 'USAGE')
  UNION ALL
  SELECT 'cast_untrusted', format('CAST (%s AS json)', c.castsource::regtype),
    format('capture would run %s of %I with the rights of the owner of the log', p.oid::regprocedure, pg_get_userbyid(p.proowner)),
    format('DROP CAST (%s AS json)', c.castsource::regtype)
  FROM pg_cast c
  JOIN pg_proc p ON p.oid = c.castfunc
  JOIN pg_roles r ON r.oid = p.proowner
  CROSS JOIN own
  WHERE c.casttarget = 'json'::regtype AND NOT r.rolsuper AND r.oid <> own.owner
    AND threadline_schema.has_trusted_parts(c.castsource)
$function$;
