import { createHash } from 'node:crypto';
import { ThreadlineError } from '../core/errors.ts';
import { type Database, type Executor, toExecutor } from '../core/executor.ts';
import { quoteIdentifier, quoteLiteral } from '../core/identifier.ts';
import { FUNCTIONS, MIGRATIONS } from './assets.generated.ts';
import { naming } from './database-errors.ts';
import { type Notice, noticesOf } from './notices.ts';
import { type InstallOptions, type ParsedInstallOptions, parseInstallOptions } from './options.ts';
import { inSchema } from './render.ts';

export interface Installation {
  readonly schema: string;
  /** The number of the newest migration in the database. */
  readonly version: number;
  /** What this installation has to do without, for example because the role may not create it. */
  readonly notices: readonly Notice[];
}

/** The schema version that this code installs and works with. */
export const SCHEMA_VERSION: number = MIGRATIONS.length;

const FUNCTIONS_SQL = FUNCTIONS.map(({ sql }) => sql).join('\n');

/** What tells the functions of this version from those of any other. */
export const FUNCTIONS_DIGEST: string = createHash('sha256').update(FUNCTIONS_SQL).digest('hex');

/**
 * Installs Threadline into a database, or brings it up to date. Run again it changes nothing; any
 * number of processes may do so at once, each inside a transaction of its own or of the caller.
 *
 * Whoever installs owns the log, and nobody else has a right to it but those that are named here.
 *
 * @returns the schema, its version, and what is missing
 * @throws ThreadlineError `TL_INSTALL_OPTIONS_INVALID`; `TL_ROLE_NOT_FOUND`; `TL_SCHEMA_NEWER` where a newer Threadline
 * has installed it
 * @example await install(pool, { readers: ['analyst'], writers: ['app'] })
 */
export async function install(db: Database, options: InstallOptions = {}): Promise<Installation> {
  const parsed = parseInstallOptions(options);
  const { schema } = parsed;
  const executor = toExecutor(db);
  return naming(async () => {
    await executor.script(textFor(parsed));
    const version = Number(await installedVersion(executor, schema));
    return { schema, version, notices: await noticesOf(executor, schema) };
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
  return textFor(parseInstallOptions(options));
}

function textFor({ schema, readers, writers }: ParsedInstallOptions): string {
  const beginning = `\
-- Threadline, schema version ${SCHEMA_VERSION}. Run again, this changes nothing.
DO $threadline$
DECLARE
  code_version constant integer := ${SCHEMA_VERSION};
  code_digest constant text := '${FUNCTIONS_DIGEST}';
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
${FUNCTIONS_SQL}
    CREATE OR REPLACE FUNCTION threadline_schema.schema_version() RETURNS integer
      LANGUAGE sql IMMUTABLE AS 'SELECT ${SCHEMA_VERSION}';
    CREATE OR REPLACE FUNCTION threadline_schema.functions_digest() RETURNS text
      LANGUAGE sql IMMUTABLE AS $function$SELECT '${FUNCTIONS_DIGEST}'::pg_catalog.text$function$;
    PERFORM threadline_schema.finish_installation(installed_version = 0);
    PERFORM threadline_schema.install_event_trigger();
  END IF;
  PERFORM threadline_schema.install_guards();
`;
  const ending = `
  PERFORM set_config('check_function_bodies', caller_check_bodies, true);
  PERFORM set_config('search_path', caller_search_path, true);
END
$threadline$;
`;
  // The roles are put in last: one of them may be called what the schema is called in the assets.
  return inSchema(beginning, schema) + grantsText({ schema, readers, writers }) + ending;
}

function grantsText({ schema, readers, writers }: ParsedInstallOptions): string {
  if (readers.length + writers.length === 0) return '';
  const [forReaders, forWriters] = [readers, writers].map(
    (roles) => `ARRAY[${roles.map(quoteLiteral).join(', ')}]::text[]`,
  );
  return `  PERFORM ${quoteIdentifier(schema)}.grant_access(${forReaders}, ${forWriters});\n`;
}

/** The version of the schema that is installed, as text; undefined where none is. */
async function installedVersion(executor: Executor, schema: string): Promise<string | undefined> {
  const name = quoteLiteral(`${quoteIdentifier(schema)}.schema_version()`);
  const [found] = await executor.query(`select pg_catalog.to_regprocedure(${name})::pg_catalog.text as found`, []);
  if (typeof Object.values(found ?? {})[0] !== 'string') return undefined;
  const [row] = await executor.query(
    `select ${quoteIdentifier(schema)}.schema_version()::pg_catalog.text as version`,
    [],
  );
  return String(Object.values(row ?? {})[0]);
}

/**
 * The version of the schema that is installed, as text.
 *
 * @throws ThreadlineError `TL_NOT_INSTALLED`
 */
export async function requireInstalled(executor: Executor, schema: string): Promise<string> {
  const version = await installedVersion(executor, schema);
  if (version === undefined) throw notInstalled(schema);
  return version;
}

/** The error for a schema without Threadline in it. */
export function notInstalled(schema: string): ThreadlineError {
  return new ThreadlineError(
    'TL_NOT_INSTALLED',
    `There is no Threadline in the schema ${quoteIdentifier(schema)}: call install(db) first`,
  );
}

function migrationSql(sql: string, version: number): string {
  return `
  IF installed_version < ${version} THEN
${sql}
    INSERT INTO threadline_schema.migrations (version) VALUES (${version});
  END IF;
`;
}
