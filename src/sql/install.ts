import { createHash } from 'node:crypto';
import { type Database, type Executor, toExecutor } from '../core/executor.ts';
import { quoteIdentifier, quoteLiteral } from '../core/identifier.ts';
import { FUNCTIONS, MIGRATIONS } from './assets.generated.ts';
import { naming } from './database-errors.ts';
import { type InstallOptions, parseInstallOptions } from './options.ts';
import { inSchema } from './render.ts';

export interface Installation {
  readonly schema: string;
  /** The number of the newest migration in the database. */
  readonly version: number;
}

/** The schema version that this code installs and works with. */
export const SCHEMA_VERSION: number = MIGRATIONS.length;

/**
 * Installs Threadline into a database, or brings it up to date. Run again it changes nothing; any
 * number of processes may do so at once, each inside a transaction of its own or of the caller.
 *
 * @returns the schema and its version
 * @throws ThreadlineError `TL_INSTALL_OPTIONS_INVALID`; `TL_SCHEMA_NEWER` where a newer Threadline has installed it
 * @example await install(pool)
 */
export async function install(db: Database, options: InstallOptions = {}): Promise<Installation> {
  const { schema } = parseInstallOptions(options);
  const executor = toExecutor(db);
  return naming(async () => {
    await executor.script(installSql({ schema }));
    return { schema, version: Number(await installedVersion(executor, schema)) };
  });
}

/**
 * What {@link install} runs, as text for a migration of one's own. It is one statement, so that it is
 * atomic wherever it is run: in psql, in a migration's transaction, with or without autocommit.
 *
 * @throws ThreadlineError `TL_INSTALL_OPTIONS_INVALID`
 * @example await writeFile('migrations/001_threadline.sql', installSql())
 */
export function installSql(options: InstallOptions = {}): string {
  const { schema } = parseInstallOptions(options);
  const functions = FUNCTIONS.map(({ sql }) => sql).join('\n');
  const digest = createHash('sha256').update(functions).digest('hex');
  const text = `\
-- Threadline, schema version ${SCHEMA_VERSION}. Run again, this changes nothing.
DO $threadline$
DECLARE
  code_version constant integer := ${SCHEMA_VERSION};
  code_digest constant text := '${digest}';
  caller_search_path constant text := pg_catalog.current_setting('search_path');
  caller_check_bodies constant text := pg_catalog.current_setting('check_function_bodies');
  installed_version integer := 0;
  installed_digest text := '';
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  PERFORM pg_catalog.set_config('check_function_bodies', 'off', true);
  PERFORM pg_advisory_xact_lock(hashtextextended('threadline ' || 'threadline_schema', 0));

  -- The version is the answer of a function: the catalog is always read as of now, a table in a
  -- REPEATABLE READ transaction as of before the wait for the lock.
  IF to_regprocedure(quote_ident('threadline_schema') || '.schema_version()') IS NOT NULL THEN
    EXECUTE 'SELECT ' || quote_ident('threadline_schema') || '.schema_version()' INTO installed_version;
    EXECUTE 'SELECT ' || quote_ident('threadline_schema') || '.functions_digest()' INTO installed_digest;
  END IF;
  IF installed_version > code_version THEN
    RAISE EXCEPTION USING ERRCODE = 'TL001',
      MESSAGE = format('Threadline: the schema %I has version %s, this code knows %s', 'threadline_schema', installed_version, code_version),
      HINT = 'Update the threadline package of this application; the database needs nothing.';
  END IF;

  IF to_regnamespace(quote_ident('threadline_schema')) IS NULL THEN
    CREATE SCHEMA threadline_schema;
  END IF;
${MIGRATIONS.map(({ sql }, index) => migrationSql(sql, index + 1)).join('')}
  IF installed_version < code_version OR installed_digest <> code_digest THEN
${functions}
    CREATE OR REPLACE FUNCTION threadline_schema.schema_version() RETURNS integer
      LANGUAGE sql IMMUTABLE AS 'SELECT ${SCHEMA_VERSION}';
    CREATE OR REPLACE FUNCTION threadline_schema.functions_digest() RETURNS text
      LANGUAGE sql IMMUTABLE AS $function$SELECT '${digest}'::pg_catalog.text$function$;
    PERFORM threadline_schema.finish_installation(installed_version = 0);
  END IF;

  PERFORM set_config('check_function_bodies', caller_check_bodies, true);
  PERFORM set_config('search_path', caller_search_path, true);
END
$threadline$;
`;
  return inSchema(text, schema);
}

/** The version of the schema that is installed, as text; undefined where none is. */
export async function installedVersion(executor: Executor, schema: string): Promise<string | undefined> {
  const name = quoteLiteral(`${quoteIdentifier(schema)}.schema_version()`);
  const [found] = await executor.query(`select pg_catalog.to_regprocedure(${name})::pg_catalog.text as found`, []);
  if (typeof Object.values(found ?? {})[0] !== 'string') return undefined;
  const [row] = await executor.query(
    `select ${quoteIdentifier(schema)}.schema_version()::pg_catalog.text as version`,
    [],
  );
  return String(Object.values(row ?? {})[0]);
}

function migrationSql(sql: string, version: number): string {
  return `
  IF installed_version < ${version} THEN
${sql}
    INSERT INTO threadline_schema.migrations (version) VALUES (${version});
  END IF;
`;
}
