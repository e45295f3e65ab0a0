import type { TestDatabase } from './database.ts';

/** The first and the last statement of what is looked at in the log, for the driver to send. */
export const LOG_START = "select 'the start'";
/** See {@link LOG_START}. */
export const LOG_END = "select 'the end'";

/** Why a test is skipped that needs the log. */
export const NO_LOG = 'the log of a server that is not ours cannot be read';

/**
 * The statements that a database has run since the last {@link LOG_START}, out of the server's log, once the log has
 * reached {@link LOG_END}; undefined where it is not to be had. The database must have `log_statement = 'all'`.
 */
export async function loggedStatements(database: TestDatabase): Promise<readonly string[] | undefined> {
  for (;;) {
    const lines = await database.log();
    if (lines === undefined) return undefined;
    const statements = lines.flatMap((line) => /LOG:\s+(?:statement|execute [^:]*): (.*)/.exec(line)?.[1] ?? []);
    const end = statements.lastIndexOf(LOG_END);
    const start = statements.lastIndexOf(LOG_START);
    if (end > start && start >= 0) return statements.slice(start + 1, end);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Whether a statement writes Threadline's settings. */
export function writesSettings(statement: string): boolean {
  return /set_config|\bset\s+(?:local|session)?\s*threadline/i.test(statement);
}
