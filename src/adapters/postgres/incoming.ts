import { endsOnlyAlone } from '../pg/committing.ts';
import { type Connection, majorOf } from './connection.ts';
import {
  codeOf,
  INVALID_SQL_STATEMENT_NAME,
  INVALID_TRANSACTION_TERMINATION,
  movePosition,
  RETRY_ERROR,
} from './error-response.ts';
import type { Injection, Phase } from './injection.ts';

const PARSE_COMPLETE = 0x31;
const BIND_COMPLETE = 0x32;
const CLOSE_COMPLETE = 0x33;
const COMMAND_COMPLETE = 0x43;
const DATA_ROW = 0x44;
const ERROR_RESPONSE = 0x45;
const PARAMETER_STATUS = 0x53;
const ROW_DESCRIPTION = 0x54;
const READY_FOR_QUERY = 0x5a;
const NO_DATA = 0x6e;

/** Which of the answers the driver is not to see, or not as they are. */
const CONCERNING: Readonly<Record<Phase, ReadonlySet<number>>> = {
  describing: new Set([ROW_DESCRIPTION, NO_DATA]),
  settings: new Set([PARSE_COMPLETE, BIND_COMPLETE, DATA_ROW, COMMAND_COMPLETE, ERROR_RESPONSE]),
  closing: new Set([CLOSE_COMPLETE]),
  query: new Set([ERROR_RESPONSE]),
  converted: new Set([PARSE_COMPLETE, BIND_COMPLETE, NO_DATA, ERROR_RESPONSE]),
  script: new Set([ROW_DESCRIPTION, COMMAND_COMPLETE, ERROR_RESPONSE]),
};

type Pass = (bytes: Buffer) => void;

/**
 * Passes on to the driver what the server answered, without the answers to what the adapter sent.
 * The driver gets everything up to a ReadyForQuery before what follows is looked at: only then has
 * it said whose answers those are.
 */
export function receive(connection: Connection, chunk: Buffer, pass: Pass): void {
  const bytes = connection.rest ? Buffer.concat([connection.rest, chunk]) : chunk;
  let at = connection.skip;
  let from = 0;
  const passUntil = (end: number) => {
    if (end > from) pass(bytes.subarray(from, end));
    from = end;
  };
  while (at + 5 <= bytes.length) {
    const type = bytes[at] ?? 0;
    const end = at + 1 + bytes.readUInt32BE(at + 1);
    const { current } = connection;
    if (!concerns(current, type)) {
      at = end;
      continue;
    }
    if (end > bytes.length) break;
    const message = bytes.subarray(at, end);
    if (type === READY_FOR_QUERY) {
      if (current?.held) {
        passUntil(at);
        pass(settle(current, current.held, message));
      }
      ready(connection, message);
      passUntil(end);
    } else {
      passUntil(at);
      digest(connection, message, pass);
      from = end;
    }
    at = end;
  }
  const seen = Math.min(at, bytes.length);
  passUntil(seen);
  connection.skip = at - seen;
  connection.rest = seen < bytes.length ? bytes.subarray(seen) : undefined;
}

function concerns(current: Injection | undefined, type: number): boolean {
  if (type === READY_FOR_QUERY || type === PARAMETER_STATUS) return true;
  return current ? CONCERNING[current.phase].has(type) : false;
}

function digest(connection: Connection, message: Buffer, pass: Pass): void {
  const { current } = connection;
  const type = message[0];
  if (type === PARAMETER_STATUS) {
    const [name, value] = message.toString('utf8', 5, message.length - 1).split('\0');
    if (name === 'standard_conforming_strings') connection.expected.standardStrings = value === 'on';
    pass(message);
  } else if (!current) pass(message);
  else if (current.phase === 'script') digestScript(current, message, pass);
  else if (type === ERROR_RESPONSE) digestError(connection, current, { message, pass });
  else {
    if (current.phase === 'describing') pass(message);
    else if (type === DATA_ROW) connection.isDirect = processIn(message) === connection.processId;
    current.phase = phaseAfter(current, type);
  }
}

/** The first field of a row: behind the message's type and length and the number of fields, with a length of its own. */
function processIn(row: Buffer): number {
  return Number(row.toString('latin1', 11, 11 + row.readInt32BE(7)));
}

function phaseAfter({ phase, own, closes, prepared }: Injection, type: number | undefined): Phase {
  if (phase === 'describing') return 'settings';
  if (phase === 'closing') return own;
  if (phase === 'settings' && type === PARSE_COMPLETE && prepared) prepared.isKnown = true;
  if (phase === 'settings' && type === COMMAND_COMPLETE) return closes ? 'closing' : own;
  return phase;
}

interface Answer {
  readonly message: Buffer;
  readonly pass: Pass;
}

/** What the server refuses may have been the settings: the query has not run then. */
function digestError(connection: Connection, current: Injection, { message, pass }: Answer): void {
  const code = codeOf(message);
  const isForgotten = current.phase === 'settings' && code === INVALID_SQL_STATEMENT_NAME;
  if (current.phase === 'settings' && current.prepared) {
    if (isForgotten) connection.pool.preparesSettings = false;
    if (!current.prepared.isKnown || isForgotten) connection.prepared = undefined;
  }
  const commits =
    current.phase === current.own &&
    current.mayCommit &&
    code === INVALID_TRANSACTION_TERMINATION &&
    endsOnlyAlone(majorOf(connection));
  if (commits && current.isCursor) {
    current.retry('bare');
    pass(RETRY_ERROR);
  } else if ((isForgotten && current.prepared) || commits) current.held = message;
  else pass(message);
}

function digestScript(current: Injection, message: Buffer, pass: Pass): void {
  const { script, answered } = current;
  if (message[0] === COMMAND_COMPLETE) current.answered += 1;
  if (message[0] === ERROR_RESPONSE) pass(movePosition(message, (position) => script?.originalPosition(position) ?? 0));
  else if (!script?.added.has(answered)) pass(message);
}

function ready(connection: Connection, message: Buffer): void {
  connection.current = undefined;
  connection.status = statusOf(message);
  if (connection.status === 'E' && connection.expected.status === 'T') connection.expected.status = 'E';
}

/** The error that the driver gets for one that was held back. */
function settle({ phase, retry }: Injection, held: Buffer, message: Buffer): Buffer {
  // In a transaction block everything before it is lost, or the error is the procedure's own.
  if (statusOf(message) !== 'I') return held;
  retry(phase === 'settings' ? 'attributed' : 'bare');
  return RETRY_ERROR;
}

function statusOf(readyForQuery: Buffer): string {
  return String.fromCharCode(readyForQuery[5] ?? 0);
}
