import { readFile } from 'node:fs/promises';
import pg from 'pg';
import { startPostgresServer } from './postgres-server.ts';

/** A database of one's own on the test server, and what tests ask of it. */
export interface TestDatabase {
  readonly name: string;
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** A folder with the server's Unix socket, or undefined where the server is not ours. */
  readonly socketDirectory: string | undefined;
  /** A pool of plain, unwrapped connections for setting up and checking. */
  readonly admin: pg.Pool;
  /** The server's log lines of this database so far, or undefined where the server is not ours. */
  log(): Promise<readonly string[] | undefined>;
}

interface Server {
  readonly url: string;
  readonly logFile?: string | undefined;
  readonly socketDirectory?: string | undefined;
}

// When all tests and hooks of the process are done, what was made last is removed first: the
// databases before the server that they are on. Hooks of node:test would run before those of a file.
const cleanUps: (() => Promise<void>)[] = [];
process.on('beforeExit', async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

let server: Promise<Server> | undefined;

/** The server that all of a run share: THREADLINE_TEST_DATABASE_URL, or one started for this process. */
function testServer(): Promise<Server> {
  server ??= (async () => {
    const url = process.env['THREADLINE_TEST_DATABASE_URL'];
    if (url !== undefined)
      return {
        url,
        logFile: process.env['THREADLINE_TEST_LOG'],
        socketDirectory: process.env['THREADLINE_TEST_SOCKETS'],
      };
    const own = await startPostgresServer();
    cleanUps.push(() => own.stop());
    return { url: own.url('postgres'), logFile: own.logFile, socketDirectory: own.socketDirectory };
  })();
  return server;
}

let count = 0;

/**
 * Makes a database for one test file (or one test). It is removed when the process is done, which
 * takes that every connection to it has been closed. `options` go into CREATE DATABASE.
 */
export async function createTestDatabase(options = ''): Promise<TestDatabase> {
  const { url, logFile, socketDirectory } = await testServer();
  count += 1;
  const name = `test_${process.pid}_${count}`;
  await onServer(url, `create database ${name} template template0 ${options}`);
  const own = new URL(url);
  own.pathname = `/${name}`;
  const admin = new pg.Pool({ connectionString: own.href, max: 4, allowExitOnIdle: true });
  // Dropping the database by force ends idle connections; that is no failure of the test.
  admin.on('error', () => {});
  cleanUps.push(async () => {
    await admin.end();
    await onServer(url, `drop database if exists ${name} with (force)`);
  });
  return {
    name,
    url: own.href,
    host: own.hostname,
    port: Number(own.port || 5432),
    user: decodeURIComponent(own.username),
    socketDirectory,
    admin,
    log: async () => {
      if (logFile === undefined) return undefined;
      const lines = (await readFile(logFile, 'utf8')).split('\n');
      return lines.filter((line) => /^\[\d+\] /.test(line) && line.split(' ')[1] === name);
    },
  };
}

async function onServer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
