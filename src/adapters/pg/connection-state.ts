import type { ScannedText } from '../../core/scanner.ts';
import { NO_SETTINGS, type Settings, sameSettings } from '../../core/wire.ts';
import { type Connection, type PgClient, replaceMethod } from './driver.ts';
import type { PreparedSettings } from './messages.ts';

/** What is known of one connection. */
export interface ConnectionState {
  /** Its transaction status by the last ReadyForQuery: I, T or E; undefined where that is not known. */
  status: string | undefined;
  /** What was applied in the current transaction: undefined for nothing, `unknown` once that may have been undone. */
  applied: Settings | 'unknown' | undefined;
  /** Whether a backslash is an ordinary character in a plain string; undefined while the server has not said. */
  standardStrings: boolean | undefined;
}

/** What is known of a client of pg besides. */
export interface ClientState extends ConnectionState {
  /** Whether the server itself is at the other end, and no pooler; undefined until it has said so. */
  isDirect: boolean | undefined;
  /** The server's major version, once it has said so. */
  serverMajor: number | undefined;
  /** The statement that applies settings, where one was prepared. */
  prepared: PreparedSettings | undefined;
  /** While a query is being submitted that needs its settings: called with the first message that the query sends. */
  interceptor: Interceptor | undefined;
}

/** Puts the settings in front of a query's first message. */
export interface Interceptor {
  /** Before Parse or Bind. */
  beforeExtended(): void;
  /** Instead of a simple Query message. */
  simpleQuery(text: string): void;
}

// By the connection, not the client: a Proxy around a client is another object over the same connection, and PGlite lends
// one connection to one client of pg after the other.
const states = new WeakMap<Connection, ClientState>();

/** The state of a client's connection, followed from the first call on; undefined where settings cannot be sent. */
export function stateOf(client: PgClient): ClientState | undefined {
  const { connection } = client;
  const known = connection && states.get(connection);
  if (known) return known;
  // A native client has no connection of its own; a replication one takes no extended-protocol message.
  if (!connection || client.replication) return undefined;
  const state: ClientState = {
    status: undefined,
    applied: undefined,
    standardStrings: undefined,
    isDirect: undefined,
    serverMajor: undefined,
    prepared: undefined,
    interceptor: undefined,
  };
  follow(connection, state);
  intercept(connection, state);
  states.set(connection, state);
  return state;
}

function follow(connection: Connection, state: ClientState): void {
  // Prepended: the client's own listener sends the next query at once.
  connection.prependListener('readyForQuery', (message) => {
    // The connection that PGlite makes for pg says that it is ready without a message.
    state.status = message?.['status'] === undefined ? undefined : String(message['status']);
  });
  connection.prependListener('parameterStatus', (message) => {
    if (message['parameterName'] === 'standard_conforming_strings')
      state.standardStrings = message['parameterValue'] === 'on';
    if (message['parameterName'] === 'server_version')
      state.serverMajor = Number.parseInt(String(message['parameterValue']), 10);
  });
}

/** Every query begins with one of these three messages. Outside of a submission they pass straight through. */
function intercept(connection: Connection, state: ClientState): void {
  const take = () => {
    const { interceptor } = state;
    state.interceptor = undefined;
    return interceptor;
  };
  for (const name of ['parse', 'bind'] as const)
    replaceMethod(connection, name, (original) => (...args) => {
      take()?.beforeExtended();
      return original.apply(connection, args);
    });
  replaceMethod(connection, 'query', (original) => (...args) => {
    const interceptor = take();
    return interceptor ? interceptor.simpleQuery(String(args[0])) : original.apply(connection, args);
  });
}

/** What is about to be sent. */
export interface Outgoing {
  readonly scanned: ScannedText;
  readonly wanted: Settings;
  /** Whether the next query may be sent before this one is answered. */
  readonly pipelined?: boolean;
}

/** Whether a text needs its settings written in front of it or between its statements; notes what is applied after it. */
export function needsSettings(state: ConnectionState, { scanned, wanted, pipelined }: Outgoing): boolean {
  if (state.status === 'I') state.applied = undefined;
  const before = state.applied;
  const needed = decide(state.status, before, { scanned, wanted });
  if (needed) state.applied = wanted;
  // Transaction control may undo what was applied, and so may a text that changes settings itself, and
  // the end of a transaction of its own, which in a pipeline nothing tells before the next query.
  const ended = state.status === undefined || (pipelined && state.status === 'I');
  const undone = scanned.kind === 'untouched' || scanned.changesSettings || ended;
  if (undone && (before !== undefined || needed)) state.applied = 'unknown';
  return needed;
}

function decide(
  status: string | undefined,
  applied: ConnectionState['applied'],
  { scanned, wanted }: Pick<Outgoing, 'scanned' | 'wanted'>,
): boolean {
  if (applied === undefined && sameSettings(wanted, NO_SETTINGS)) return false;
  if (controlsAndWrites(scanned)) return true;
  // What cannot write leaves it to what can: also to a deferred trigger at COMMIT, which is then that writer's.
  if (scanned.kind !== 'write' || status === 'E') return false;
  return applied === undefined || applied === 'unknown' || !sameSettings(applied, wanted);
}

/** Whether transaction control inside the text cuts a later statement of it off from what was applied before. */
export function controlsAndWrites({ statements }: ScannedText): boolean {
  const control = statements.findIndex((statement) => statement.kind === 'untouched');
  return control >= 0 && statements.slice(control).some((statement) => statement.kind !== 'untouched');
}
