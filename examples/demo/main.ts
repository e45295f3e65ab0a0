// npm run demo: a real application on a real PostgreSQL, what Threadline recorded of it, and whether that is right.
import pg from 'pg';
import { type PostgresServer, startPostgresServer } from '../../test/support/postgres-server.ts';
import { createAtlas } from './app.ts';
import { check } from './check.ts';
import { atEnd, complain, end, endOnSignalsAndFailures, keepRunning } from './clean-up.ts';
import type { KnownChange } from './known-changes.ts';
import { whileListening } from './listen.ts';
import { APPLICATION_ROLE, AUDITED_TABLES, prepareDatabase } from './prepare.ts';
import { report } from './report.ts';
import { send } from './send.ts';
import { CONCURRENT_REQUESTS, JOB_CHANGE, LAST_REQUEST } from './traffic.ts';

const CONNECTIONS = 4;

const unknown = process.argv.slice(2).filter((argument) => argument !== '--keep');
if (unknown.length > 0) {
  process.stderr.write(`Unknown: ${unknown.join(' ')}. The only option is --keep, which leaves the server up.\n`);
  process.exit(2);
}
endOnSignalsAndFailures();
await end((await demo(process.argv.includes('--keep'))) ? 0 : 1);

/** Resolves to whether everything was recorded as it should be. */
async function demo(shouldKeep: boolean): Promise<boolean> {
  const starting = startPostgresServer();
  atEnd(() =>
    starting.then(
      ({ stop }) => stop(),
      () => {},
    ),
  );
  const server = await starting;
  say(`PostgreSQL is up on port ${server.port}, in a temporary folder.`);

  const databaseUrl = server.url('atlas');
  const imported = await prepareDatabase(server.url('postgres'), databaseUrl);
  say(`Threadline is installed. It audits ${AUDITED_TABLES.join(', ')}.`);
  say(`The atlas is loaded: ${imported.length} rows out of the npm package world-countries.`);

  const changed = await useAtlas(databaseUrl.replace(`${server.user}@`, `${APPLICATION_ROLE}@`));
  const isRight = await readBack(databaseUrl, [...imported, ...changed]);
  if (shouldKeep) {
    keepRunning();
    say(connectionHelp(server, databaseUrl));
  }
  return isRight;
}

/** Sends all requests at once, then the one that must come last, then runs the jobs. */
function useAtlas(databaseUrl: string): Promise<readonly KnownChange[]> {
  const atlas = createAtlas({ databaseUrl, connections: CONNECTIONS, onFailure: complain });
  return whileListening(atlas, async (url) => {
    const changes = await Promise.all(CONCURRENT_REQUESTS.map((request) => send(url, request)));
    changes.push(await send(url, LAST_REQUEST));
    const jobs = await atlas.runJobs();
    const actors = new Set(CONCURRENT_REQUESTS.map(({ token }) => token)).size;
    say(`${actors} clients sent ${CONCURRENT_REQUESTS.length} requests at once through ${CONNECTIONS} connections.`);
    say(`One of them failed and was rolled back. A last one came after; then ${jobs} queued job ran.`);
    return [...changes.flat(), JOB_CHANGE];
  });
}

async function readBack(databaseUrl: string, known: readonly KnownChange[]): Promise<boolean> {
  const pool = new pg.Pool({ connectionString: databaseUrl });
  try {
    await report(pool);
    const findings = await check(pool, known);
    say('\nChecked against what the clients wrote down themselves\n');
    for (const { claim, problems } of findings) {
      say(`  ${problems.length === 0 ? 'ok    ' : 'FAILED'}  ${claim}`);
      for (const problem of problems.slice(0, 5)) say(`            ${problem}`);
    }
    return findings.every(({ problems }) => problems.length === 0);
  } finally {
    await pool.end();
  }
}

function connectionHelp({ host, port, user, pid, socketDirectory }: PostgresServer, databaseUrl: string): string {
  return `
The server stays up.

  psql -h ${host} -p ${port} -U ${user} atlas
  DATABASE_URL=${databaseUrl} npx tsx src/cli/main.ts timeline --limit 5

Stop it and remove its folder:

  kill -INT ${pid} && sleep 1 && rm -rf ${socketDirectory}`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
