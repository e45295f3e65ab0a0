import { z } from 'zod';
import { ThreadlineError } from '../core/errors.ts';
import { type Database, type Executor, toExecutor } from '../core/executor.ts';
import { parseTableName, quoteIdentifier, quoteTableName } from '../core/identifier.ts';
import { parseAtEdge } from '../core/validation.ts';
import { naming } from './database-errors.ts';
import { FUNCTIONS_DIGEST, notInstalled, requireInstalled } from './install.ts';
import { hasEventTrigger } from './notices.ts';
import { type SchemaOptions, schemaOptionSchema } from './options.ts';

/** How a table is audited: as it should be, not at all, with a trigger switched off, or not as it was installed. */
export const TABLE_STATES = ['covered', 'uncovered', 'disabled', 'drifted'] as const;

/** What came of writing to a table and rolling it back: whether that was recorded, or why it could not be tried out. */
export const PROBE_OUTCOMES = ['captured', 'lost', 'empty', 'busy', 'impossible'] as const;

/** What {@link verify} can find. `docs/verify.md` says more about each. */
export const FINDING_CODES = [
  'installation_outdated',
  'table_uncovered',
  'table_disabled',
  'table_drifted',
  'schema_unusable',
  'probe_lost',
  'log_unguarded',
  'log_interfered',
  'grant_too_wide',
  'owner_differs',
  'role_writes_all',
  'cast_untrusted',
  'setting_override',
  'capture_bypassed',
] as const;

export interface VerifyOptions extends SchemaOptions {
  /** Tables that must be audited, named as in SQL; all tables of users unless given, audited or not. */
  readonly tables?: readonly string[] | undefined;
  /**
   * Whether to try out if an update of each audited table is recorded. It is rolled back, but the table's own triggers
   * run, and numbers taken from sequences stay taken. Default false: then nothing is written at all.
   */
  readonly probe?: boolean | undefined;
}

/** One table and how it is audited. */
export interface VerifiedTable {
  /** As SQL writes it: `public.users`. */
  readonly table: string;
  readonly state: (typeof TABLE_STATES)[number];
  /** The options as installed; null where the table is not audited. */
  readonly options: Readonly<Record<string, unknown>> | null;
  /** Only with `probe`, and only for audited tables. */
  readonly probe?: (typeof PROBE_OUTCOMES)[number];
}

/** Something that is wrong, with what to do about it. */
export interface Finding {
  readonly code: (typeof FINDING_CODES)[number];
  /** The table, function, role or setting that it is about. */
  readonly object: string;
  readonly message: string;
  /** Mostly a statement to run. */
  readonly remedy: string;
}

export interface Verification {
  readonly schema: string;
  readonly version: number;
  /** Whether nothing was found. */
  readonly ok: boolean;
  /** Whether an event trigger follows schema changes. */
  readonly eventTrigger: boolean;
  readonly tables: readonly VerifiedTable[];
  readonly findings: readonly Finding[];
}

const optionsSchema: z.ZodType<VerifyOptions & { readonly schema: string }> = z.strictObject({
  schema: schemaOptionSchema,
  tables: z.array(z.string(), 'must be a list of table names').min(1, 'must name at least one table').optional(),
  probe: z.boolean('must be true or false').optional(),
});

/**
 * Looks whether what should be recorded is recorded, and whether nobody can get round it: triggers, the log itself,
 * rights and settings. It reads the catalog only, unless it is asked to `probe`.
 *
 * @throws ThreadlineError `TL_NOT_INSTALLED`; `TL_NOT_OWNER` for anybody but the owner of the log; `TL_TABLE_NOT_FOUND`;
 * `TL_INSTALL_OPTIONS_INVALID`; `TL_IDENTIFIER_INVALID`
 * @example
 * const { ok, findings } = await verify(pool, { tables: ['users', 'sales.orders'] });
 * if (!ok) throw new Error(findings.map(({ object, message }) => `${object}: ${message}`).join('\n'));
 */
export async function verify(db: Database, options: VerifyOptions = {}): Promise<Verification> {
  const { schema, tables, probe } = parseAtEdge(
    optionsSchema,
    options,
    'TL_INSTALL_OPTIONS_INVALID',
    'Invalid options',
  );
  const names = tables?.map((table) => quoteTableName(parseTableName(table)));
  const executor = toExecutor(db);
  const installed = await installationOf(executor, schema);
  return naming(async () => {
    const found = installed.isCurrent ? await read(executor, schema, names) : { tables: [], findings: [OUTDATED] };
    const probed = probe === true ? await probeAll(executor, schema, found.tables) : found.tables;
    const findings = [...found.findings, ...probed.filter(({ probe }) => probe === 'lost').map(lost)];
    const eventTrigger = await hasEventTrigger(executor, schema);
    return { schema, version: installed.version, ok: findings.length === 0, eventTrigger, tables: probed, findings };
  });
}

const OUTDATED: Finding = {
  code: 'installation_outdated',
  object: 'functions',
  message: 'the database has other functions than this version of the package, so that nothing else was looked at',
  remedy: 'call install(db), or run npx threadline install',
};

function lost({ table }: VerifiedTable): Finding {
  return {
    code: 'probe_lost',
    object: table,
    message: 'an update of a row was not recorded',
    remedy: 'see the other findings; call installTriggers again, and look for what switches triggers off',
  };
}

async function installationOf(
  executor: Executor,
  schema: string,
): Promise<{ readonly version: number; readonly isCurrent: boolean }> {
  const owner = await value(
    executor,
    `select pg_catalog.pg_has_role(c.relowner, 'USAGE')::pg_catalog.text
     from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where n.nspname = $1::pg_catalog.text and c.relname = 'audit_changes'`,
    schema,
  );
  if (owner === 'false')
    throw new ThreadlineError(
      'TL_NOT_OWNER',
      `The log in the schema ${quoteIdentifier(schema)} belongs to another role, and only its owner can verify it: connect as that role, or as a superuser`,
    );
  if (owner === undefined) throw notInstalled(schema);
  const version = await requireInstalled(executor, schema);
  const digest = await value(executor, `select ${quoteIdentifier(schema)}.functions_digest()`);
  return { version: Number(version), isCurrent: digest === FUNCTIONS_DIGEST };
}

async function read(
  executor: Executor,
  schema: string,
  names: readonly string[] | undefined,
): Promise<{ readonly tables: readonly VerifiedTable[]; readonly findings: readonly Finding[] }> {
  const own = quoteIdentifier(schema);
  const report = await value(
    executor,
    `with named (tables) as materialized (
       select case when $1::pg_catalog.text <> '' then array(
         select ${own}.table_named(name, pg_catalog.to_regclass(name))
         from pg_catalog.json_array_elements_text($1::pg_catalog.json) as name
       ) end
     )
     select pg_catalog.json_build_object(
       'tables', (
         select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
           'table', s.relation_name, 'state', s.state, 'options', s.options)), '[]')
         from named, ${own}.table_states(named.tables) s
       ),
       'findings', (select coalesce(pg_catalog.json_agg(f), '[]') from named, ${own}.findings(named.tables) f)
     )::pg_catalog.text`,
    names === undefined ? '' : JSON.stringify(names),
  );
  return JSON.parse(report ?? '') as { tables: VerifiedTable[]; findings: Finding[] };
}

/** Each table in a statement of its own: what a probe locks is let go at once. */
async function probeAll(
  executor: Executor,
  schema: string,
  tables: readonly VerifiedTable[],
): Promise<readonly VerifiedTable[]> {
  const probed: VerifiedTable[] = [];
  for (const table of tables) {
    if (table.state === 'uncovered') probed.push(table);
    else {
      const call = `select ${quoteIdentifier(schema)}.probe_capture($1::pg_catalog.text::pg_catalog.regclass)`;
      probed.push({ ...table, probe: (await value(executor, call, table.table)) as (typeof PROBE_OUTCOMES)[number] });
    }
  }
  return probed;
}

/** The only column of the only row, a text. */
async function value(executor: Executor, statement: string, ...values: readonly string[]): Promise<string | undefined> {
  const [row] = await executor.query(statement, values);
  const [found] = Object.values(row ?? {});
  return typeof found === 'string' ? found : undefined;
}
