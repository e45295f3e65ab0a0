import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { Client, neonConfig, Pool } from '@neondatabase/serverless';
import pg from 'pg';
import { WebSocket } from 'ws';
import { wrapClient, wrapPool } from '../../../src/adapters/pg/index.ts';
import { actor, runWithActor } from '../../../src/index.ts';
import { clearNotes, createNotes, readNotes } from '../../support/notes.ts';
import { type PostgresServer, startPostgresServer } from '../../support/postgres-server.ts';
import { startWebSocketProxy, type WebSocketProxy } from '../../support/websocket-proxy.ts';

/*
 * Neon's driver as it comes: it sends the first query along with the password, before the server
 * has said a word, which takes a server that asks for the password in clear text.
 */

const INSERT = 'insert into notes (body) values ($1)';

let directory: string;
let server: PostgresServer;
let proxy: WebSocketProxy;
let admin: pg.Pool;
let connectionString: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'threadline-neon-'));
  await chmod(directory, 0o755);
  const access = join(directory, 'pg_hba.conf');
  await writeFile(access, 'host all neon 127.0.0.1/32 password\nhost all all 127.0.0.1/32 trust\n');
  server = await startPostgresServer({ settings: { hba_file: access, log_statement: 'all' } });
  admin = new pg.Pool({ connectionString: server.url('postgres') });
  // The server may go down before a connection that was ended has closed.
  admin.on('error', () => {});
  await admin.query("create role neon superuser login password 'secret'");
  await createNotes(admin);
  proxy = await startWebSocketProxy();
  neonConfig.webSocketConstructor = WebSocket;
  neonConfig.wsProxy = proxy.address;
  neonConfig.useSecureWebSocket = false;
  connectionString = `postgres://neon:secret@127.0.0.1:${server.port}/postgres`;
});

beforeEach(() => clearNotes(admin));

after(async () => {
  await admin.end();
  await proxy.close();
  await server.stop();
  await rm(directory, { recursive: true });
});

function as<T>(name: string, fn: () => PromiseLike<T>): Promise<T> {
  return runWithActor(actor.user(name), fn);
}

/** Who wrote each note, `null` for nobody. */
async function authors(): Promise<readonly (readonly [string, string | null])[]> {
  return (await readNotes(admin)).map((note) => [note.body, note.actor]);
}

test("the first query, which is sent before the server's first word, is attributed, and so are those that wait", async () => {
  const pool = wrapPool(new Pool({ connectionString, max: 1 }));
  await Promise.all([
    ...['A', 'B', 'C'].map((name) => as(name, () => pool.query(INSERT, [name]))),
    pool.query(INSERT, ['nobody']),
  ]);
  await pool.end();
  assert.deepEqual(await authors(), [
    ['A', 'A'],
    ['B', 'B'],
    ['C', 'C'],
    ['nobody', null],
  ]);
});

test('a transaction that a client begins with its first query is attributed, through a savepoint as well', async () => {
  const client = wrapClient(new Client({ connectionString }));
  await client.connect();
  await as('A', () => client.query('begin'));
  await as('A', () => client.query('savepoint s'));
  await as('A', () => client.query(INSERT, ['undone']));
  await as('A', () => client.query('rollback to s'));
  await as('A', () => client.query(INSERT, ['A']));
  await client.query(INSERT, ['nobody']);
  await as('A', () => client.query('commit'));
  await client.query(INSERT, ['nobody']);
  await client.end();
  assert.deepEqual(await authors(), [
    ['A', 'A'],
    ['nobody', null],
    ['nobody', null],
  ]);
});

test('the status of a connection is followed from the first answer on: a read goes out bare', async () => {
  const client = wrapClient(new Client({ connectionString }));
  await client.connect();
  const { rows } = await client.query('select pg_backend_pid() as pid');
  await as('A', () => client.query('select 1 as bare'));
  await client.end();
  const log = (await readFile(server.logFile, 'utf8'))
    .split('\n')
    .filter((line) => line.startsWith(`[${rows[0]?.pid}]`));
  assert.ok(log.some((line) => line.includes('select 1 as bare')));
  assert.deepEqual(
    log.filter((line) => line.includes('set_config')),
    [],
  );
});

test('a pool that is told to query by HTTP keeps to its connections, where a query can be attributed', async () => {
  neonConfig.poolQueryViaFetch = true;
  neonConfig.fetchFunction = () => assert.fail('nothing is sent by HTTP');
  try {
    const pool = wrapPool(wrapPool(new Pool({ connectionString, max: 1 })));
    await as('A', () => pool.query(INSERT, ['A']));
    assert.equal(pool.listenerCount('connect'), 1);
    await pool.end();
  } finally {
    neonConfig.poolQueryViaFetch = false;
    neonConfig.fetchFunction = undefined;
  }
  assert.deepEqual(await authors(), [['A', 'A']]);
});
