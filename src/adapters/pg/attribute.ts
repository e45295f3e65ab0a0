import type { Scope } from '../../core/context.ts';
import { type ScannedText, scanStatement } from '../../core/scanner.ts';
import { NO_SETTINGS, SET_CONFIG_SQL, type Settings, settingsValues } from '../../core/wire.ts';
import { swallowAnswer } from './answers.ts';
import { carry } from './carriage.ts';
import { endsOnlyAlone, seenToCommit, sendAgainIfItCommits } from './committing.ts';
import { type ClientState, controlsAndWrites, needsSettings, stateOf } from './connection-state.ts';
import { type Connection, type PgClient, type Submittable, textOf } from './driver.ts';
import { override } from './override.ts';
import { hideAdded, writeScript } from './script.ts';

/*
 * What happens here happens to one query object in pg's queue: some of its methods are overridden
 * and given back, so that the object stays what the user, an ORM and pg itself take it for.
 */

/** A query on its way, and the scope of whoever issued it. */
export interface Outbound {
  readonly client: PgClient;
  readonly query: Submittable;
  readonly scope: Scope | undefined;
  /** Puts the query into the client's queue once more, as it is. */
  readonly sendAgain: () => void;
}

/** A query that pg submits now. */
interface Submission extends Omit<Outbound, 'scope'> {
  readonly connection: Connection;
  readonly state: ClientState;
  readonly scanned: ScannedText;
  readonly settings: Settings;
  /** The query's own submit. */
  readonly submit: () => unknown;
}

/** Makes a query carry its settings once pg submits it: only then is the connection's status known. */
export function attribute({ client, query, scope, sendAgain }: Outbound): void {
  const state = stateOf(client);
  if (state === undefined) return;
  const settings = scope?.settings ?? NO_SETTINGS;
  const restore = override(query, 'submit', (submit) => (argument) => {
    restore();
    state.status = statusOf(client, state);
    const scanned = scanStatement(textOf(query));
    const result = submitAttributed({
      client,
      connection: argument as Connection,
      query,
      state,
      scanned,
      settings,
      submit: () => submit(argument),
      sendAgain,
    });
    if (scanned.forgetsStatements) state.prepared = undefined;
    return result;
  });
}

function submitAttributed(submission: Submission): unknown {
  const { client, query, state, scanned, settings, submit, sendAgain } = submission;
  const mayCommit = scanned.mayCommit && (state.status === 'I' || state.status === undefined);
  if (mayCommit && state.status === 'I' && seenToCommit(textOf(query))) return submit();
  const readsSocket = scanned.copiesOut && !isQuery(query);
  if (readsSocket && scanned.kind === 'read') return submit();
  const pipelined = client.pipeline === true;
  if (!needsSettings(state, { scanned, wanted: settings, pipelined })) return submit();
  if (mayCommit)
    sendAgainIfItCommits(query, {
      connection: submission.connection,
      isAlone: state.status === 'I',
      isUndone: () => isUndone(submission),
      sendAgain,
    });
  return readsSocket ? submitCopyOut(submission) : submitBehindSettings(submission);
}

/** Whether a CALL or DO that failed with 2D000 has committed nothing; in a text that the settings are written into, it cannot. */
function isUndone({ state, query, scanned }: Submission): boolean {
  const inScript = isQuery(query) && !scanned.certain && !query.requiresPreparation?.();
  return inScript || endsOnlyAlone(state.serverMajor);
}

function statusOf(client: PgClient, state: ClientState): string | undefined {
  // While earlier queries of a pipeline are on their way, the last status says nothing.
  const busy = client.pipeline && !(client.readyForQuery && client._sentQueryQueue?.length === 0);
  if (busy) return undefined;
  return state.status ?? client.getTransactionStatus?.() ?? undefined;
}

/** Whether it is pg's own Query, which tells how it will be sent. */
function isQuery(query: Submittable): boolean {
  return query.requiresPreparation !== undefined;
}

/** Settings and query in one flush and one transaction. */
function submitBehindSettings(submission: Submission): unknown {
  const { client, state, connection, query, settings, scanned, submit } = submission;
  const { name } = query;
  let prefixed = false;
  let sent = false;
  const sendPrefix = (withoutSync: boolean) => {
    prefixed = true;
    sent = true;
    const carriage = carry(settings, client, state);
    if (carriage.messages) connection.stream.write?.(carriage.messages);
    else sendByMethods(connection, settings);
    swallowAnswer(query, { connection, carriage, name, withoutSync });
  };
  const inTransaction = state.status === 'T' && !controlsAndWrites(scanned);
  state.interceptor = {
    beforeExtended: () => sendPrefix(Boolean(query.rows)),
    simpleQuery: (text) => {
      if (inTransaction) {
        sendPrefix(true);
        return connection.query(text);
      }
      sent = true;
      const script = writeScript(text, { scanned, settings, standardStrings: state.standardStrings });
      hideAdded(query, script);
      return connection.query(script.text);
    },
  };
  connection.stream.cork?.();
  try {
    return inTransaction ? submit() : submitExtended(submission);
  } finally {
    state.interceptor = undefined;
    // pg refused to send the query (its values are no array, its name is another's): nothing was applied.
    if (!sent) state.applied = 'unknown';
    // pg notes a statement as prepared at the first ParseComplete after it was sent, and that is ours.
    if (prefixed && name) query.name = undefined;
    connection.stream.uncork?.();
  }
}

/** On a connection without a socket, as PGlite makes one for pg: by the methods that stand in for it. */
function sendByMethods(connection: Connection, settings: Settings): void {
  connection.parse({ text: SET_CONFIG_SQL });
  connection.bind({ values: settingsValues(settings) });
  connection.execute({});
}

/**
 * Outside a transaction, a simple Query message behind the settings would leave the transaction
 * open from PostgreSQL 18 on, since only a Sync ends it there: a single statement goes out in
 * extended messages, which end with one. The result is the same.
 */
function submitExtended({ query, scanned, submit }: Submission): unknown {
  const single = scanned.certain && scanned.statements.length === 1;
  const convertible = isQuery(query) && single && !scanned.copies && !scanned.hasParameters;
  if (!convertible || query.requiresPreparation?.()) return submit();
  const { queryMode, binary } = query;
  query.queryMode = 'extended';
  // A simple query's result is text, whatever the client is set to.
  query.binary = false;
  try {
    return submit();
  } finally {
    query.queryMode = queryMode;
    query.binary = binary;
  }
}

/** A stream of pg-copy-streams over COPY TO. */
interface CopyOutStream extends Submittable {
  readonly destroyed: boolean;
  push(chunk: unknown): boolean;
  once(event: 'close', listener: () => void): unknown;
}

/**
 * The stream of pg-copy-streams over a COPY TO reads the socket itself from its submit on, so no
 * other answer may come before its own. Where its query writes, pg reads the answers instead, no faster than they are
 * taken from the stream.
 */
function submitCopyOut({ connection, query, state, scanned, settings }: Submission): null {
  const stream = query as CopyOutStream;
  const socket = connection.stream;
  const script = writeScript(String(textOf(query)), { scanned, settings, standardStrings: state.standardStrings });
  let isPaused = false;
  const resume = () => {
    if (isPaused) socket.resume?.();
    isPaused = false;
  };
  override(query, 'handleCopyData', () => (message) => {
    if (stream.push(Object(message).chunk) || stream.destroyed) return;
    isPaused = true;
    socket.pause?.();
  });
  override(query, '_read', () => resume);
  stream.once('close', resume);
  override(query, 'handleCommandComplete', (handle) => (...args) => {
    resume();
    handle(...args);
    stream.push(null);
  });
  override(query, 'handleError', (handle) => (...args) => {
    resume();
    return handle(...args);
  });
  hideAdded(query, script);
  connection.query(script.text);
  return null;
}
