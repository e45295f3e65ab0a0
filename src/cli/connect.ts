import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ThreadlineError } from '../core/errors.ts';
import type { Database } from '../core/executor.ts';

/** An open connection, by whichever driver. */
interface Connection {
  readonly db: Database;
  end(): Promise<void>;
}

type Connect = (url: string) => Promise<Connection>;

interface PgModule {
  readonly Client: new (
    options: object,
  ) => Database & {
    connect(): Promise<unknown>;
    end(): Promise<void>;
    on(event: 'error', listener: () => void): unknown;
  };
}

type PostgresModule = (
  url: string,
  options: object,
) => Database & {
  unsafe(text: string): PromiseLike<unknown>;
  end(options: object): Promise<void>;
};

const TIMEOUT_SECONDS = 10;

/** The drivers that the command line can use, by the names of their packages. */
const DRIVERS: Readonly<Record<string, (driver: unknown) => Connect>> = {
  pg: (driver) => async (connectionString) => {
    const client = new (driver as PgModule).Client({
      connectionString,
      connectionTimeoutMillis: TIMEOUT_SECONDS * 1000,
      application_name: 'threadline',
    });
    // A connection that is lost shows in the query that needs it.
    client.on('error', () => {});
    await client.connect();
    return { db: client, end: () => client.end() };
  },
  postgres: (driver) => async (url) => {
    const sql = (driver as PostgresModule)(url, {
      max: 1,
      connect_timeout: TIMEOUT_SECONDS,
      connection: { application_name: 'threadline' },
      onnotice: () => {},
    });
    const end = () => sql.end({ timeout: TIMEOUT_SECONDS });
    try {
      await sql.unsafe('select 1');
    } catch (error) {
      await end();
      throw error;
    }
    return { db: sql, end };
  },
};

/** Connects to DATABASE_URL, does the work, and disconnects. */
export async function withDatabase<T>(work: (db: Database) => Promise<T>): Promise<T> {
  const url = databaseUrl();
  const connect = await findDriver();
  const connection = await connect(url).catch((cause: unknown) => {
    throw new ThreadlineError('TL_CLI_DATABASE_URL', `Cannot connect to ${placeOf(url)}: ${reasonOf(cause)}`, {
      cause,
    });
  });
  try {
    return await work(connection.db);
  } finally {
    await connection.end();
  }
}

function databaseUrl(): string {
  const text = process.env['DATABASE_URL'];
  const example = 'postgres://user:password@host:5432/database';
  if (text === undefined || text === '')
    throw new ThreadlineError('TL_CLI_DATABASE_URL', `DATABASE_URL is not set; set it to ${example}`);
  // What more it may be the driver knows: a socket's folder behind `?host=`, several hosts with commas between.
  if (!/^postgres(?:ql)?:\/\/./i.test(text))
    throw new ThreadlineError(
      'TL_CLI_DATABASE_URL',
      `DATABASE_URL is not of the form ${example}; percent-encode special characters in the password`,
    );
  return text;
}

async function findDriver(): Promise<Connect> {
  for (const [name, connectBy] of Object.entries(DRIVERS)) {
    const path = resolveInProject(name);
    if (path === undefined) continue;
    const module = (await import(pathToFileURL(path).href)) as { readonly default?: unknown };
    return connectBy(module.default ?? module);
  }
  throw new ThreadlineError(
    'TL_CLI_DRIVER_MISSING',
    'Neither pg nor postgres is installed in this project, and one is needed to connect: npm install pg. With --out FILE none is',
  );
}

/** Looks where the user's own code would find the package, and beside Threadline otherwise. */
function resolveInProject(name: string): string | undefined {
  for (const place of [join(process.cwd(), 'package.json'), import.meta.url]) {
    try {
      return createRequire(place).resolve(name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
    }
  }
  return undefined;
}

/** Where a URL leads, without its password: an @ behind the host is a sign that part of one was taken for something else. */
function placeOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || /@/.test(`${url.pathname}${url.search}${url.hash}`))
    return 'the server of DATABASE_URL (special characters in its password must be percent-encoded)';
  return `${url.hostname || 'the local socket'}${url.port === '' ? '' : `:${url.port}`}${url.pathname}`;
}

// A refused connection to a name with several addresses is an AggregateError without a message.
function reasonOf(error: unknown): string {
  const { message, code } = error as { readonly message?: unknown; readonly code?: unknown };
  return [message, code].find((part) => typeof part === 'string' && part !== '')?.toString() ?? String(error);
}
