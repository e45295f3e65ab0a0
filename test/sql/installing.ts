import pg from 'pg';

/** Runs `use` with a connection of its own, which does not outlive it. */
export async function onConnection(pool: pg.Pool, use: (client: pg.PoolClient) => Promise<void>): Promise<void> {
  const client = await pool.connect();
  await use(client).finally(() => client.release(true));
}

/** An installed schema, as text that is the same on every server and for every owner. */
export async function listingOf(pool: pg.Pool, schema = 'threadline'): Promise<string> {
  const { rows } = await pool.query(LISTING, [schema]);
  return `${rows.map(({ line }) => line).join('\n')}\n`;
}

/** The listing together with the body of every function and the triggers of every table: all that an installation is. */
export async function definitionsOf(pool: pg.Pool, schema = 'threadline'): Promise<string> {
  const { rows } = await pool.query(
    `select pg_get_functiondef(p.oid) as line from pg_proc p where p.pronamespace = $1::regnamespace
     union all
     select pg_get_viewdef(c.oid) from pg_class c where c.relnamespace = $1::regnamespace and c.relkind = 'v'
     union all
     select pg_get_triggerdef(t.oid) || ' ' || t.tgenabled::text from pg_trigger t where not t.tgisinternal
     order by 1`,
    [pg.escapeIdentifier(schema)],
  );
  return [await listingOf(pool, schema), ...rows.map(({ line }) => line)].join('\n');
}

// Rights are listed where others than the owner have them: what the owner has by default differs between versions of
// PostgreSQL. So do NOT NULL constraints; they are shown with their column.
const LISTING = `
  with own as (
    select n.oid, n.nspowner, n.nspacl from pg_namespace n where n.nspname = $1
  ), listed (kind, object, detail, line) as (
    select 0, '', '', 'schema' || ${rightsOfOthers('n.nspacl', 'n.nspowner')} from own n
    union all
    select 1, c.relname, '',
      case c.relkind when 'r' then 'table ' when 'v' then 'view ' else 'sequence ' end || c.relname
        || ${rightsOfOthers('c.relacl', 'c.relowner')}
    from pg_class c join own on own.oid = c.relnamespace where c.relkind in ('r', 'v', 'S')
    union all
    select 1, c.relname, '1' || to_char(a.attnum, '000'),
      format('  %s %s', a.attname, format_type(a.atttypid, a.atttypmod))
        || case when l.collname <> 'default' then format(' collate %I', l.collname) else '' end
        || case when a.attnotnull then ' not null' else '' end
        || case a.attidentity when 'a' then ' generated always as identity' else '' end
        || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')
    from pg_class c
    join own on own.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    left join pg_collation l on l.oid = a.attcollation
    left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
    where c.relkind in ('r', 'v')
    union all
    select 1, c.relname, '2' || pg_get_constraintdef(k.oid), '  ' || pg_get_constraintdef(k.oid)
    from pg_class c join own on own.oid = c.relnamespace join pg_constraint k on k.conrelid = c.oid where k.contype <> 'n'
    union all
    select 1, c.relname, '3' || pg_get_indexdef(i.indexrelid), '  ' || pg_get_indexdef(i.indexrelid)
    from pg_class c join own on own.oid = c.relnamespace join pg_index i on i.indrelid = c.oid
    union all
    select 2, p.proname, pg_get_function_identity_arguments(p.oid),
      format('function %s(%s) returns %s', p.proname, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid))
        || case p.provolatile when 'i' then ' immutable' when 's' then ' stable' else ' volatile' end
        || case when p.prosecdef then ' security definer' else '' end
        || coalesce(' set ' || array_to_string(p.proconfig, ', '), '')
        || ${rightsOfOthers("coalesce(p.proacl, acldefault('f', p.proowner))", 'p.proowner')}
    from pg_proc p join own on own.oid = p.pronamespace
  )
  select line from listed order by kind, object collate "C", detail collate "C"`;

function rightsOfOthers(acl: string, owner: string): string {
  return `(
    select coalesce('; granted: ' || string_agg(
      privilege_type || ' to ' || case grantee when 0 then 'PUBLIC' else grantee::regrole::text end, ', '), '')
    from aclexplode(${acl}) where grantee <> ${owner}
  )`;
}
