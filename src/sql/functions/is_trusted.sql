-- Whether a role may have code of its own run with the rights of the log's owner: that owner, and a superuser, who
-- can have that anyway.
CREATE OR REPLACE FUNCTION threadline_schema.is_trusted(role oid)
RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT r.rolsuper OR r.oid = threadline_schema.log_owner()
  FROM pg_roles r
  WHERE r.oid = role
$function$;
