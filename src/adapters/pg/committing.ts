import { type Connection, type Cursor, type Submittable, textOf } from './driver.ts';
import { override } from './override.ts';

/*
 * CALL and DO may end their own transaction. From PostgreSQL 18 on they no longer can once another
 * statement ran before them in the same implicit transaction, as the settings do: the server then
 * raises 2D000 and undoes everything, so the statement is sent once more as the user wrote it.
 */

const INVALID_TRANSACTION_TERMINATION = '2D000';
const REMEMBERED = 500;

// What tracers append differs with every call.
const COMMENT_AT_END = /\/\*(?:[^*]|\*(?!\/))*\*\/\s*$/;
const withoutComment = (text: unknown) =>
  typeof text === 'string' ? text.replace(COMMENT_AT_END, '').trimEnd() : text;

const texts = new Set<unknown>();

/** Whether this CALL or DO ended its own transaction before, so that settings in front of it make it fail. */
export function seenToCommit(text: unknown): boolean {
  return texts.has(withoutComment(text));
}

/**
 * Whether a CALL or DO that failed with 2D000 behind its settings has done nothing. Before PostgreSQL 18 settings keep
 * nothing from ending its transaction: the error is its own, and a part may be committed. A version that is not known
 * counts as new.
 */
export function endsOnlyAlone(serverMajor: number | undefined): boolean {
  return !(Number(serverMajor) < 18);
}

/** How a CALL or DO goes out once more. */
export interface Repetition {
  readonly connection: Connection;
  /** Whether it was sent outside of a transaction; in a pipeline nobody knows before its answer. */
  readonly isAlone: boolean;
  /** Whether nothing of it has been committed. */
  readonly isUndone: () => boolean;
  readonly sendAgain: () => void;
}

/**
 * Sends a CALL or DO once more without settings when the server says that it ends its own transaction,
 * unless a part of it may have been committed by then.
 */
export function sendAgainIfItCommits(query: Submittable, repetition: Repetition): void {
  const { connection, isAlone, isUndone, sendAgain } = repetition;
  const rewind = rewinding(query, connection);
  const restore = override(query, 'handleError', (handleError) => (error, ...rest) => {
    if (!commitsInside(error) || !isUndone()) return handleError(error, ...rest);
    const repeat = () => {
      restore();
      rememberToCommit(textOf(query));
      return sendAgain();
    };
    if (isAlone) return rewind() ? repeat() : handleError(error, ...rest);
    connection.prependOnceListener('readyForQuery', ({ status }) =>
      status === 'I' ? repeat() : handleError(error, ...rest),
    );
    return undefined;
  });
}

/**
 * Makes a cursor begin anew, with the read that failed in front; false where it cannot. It sends the Sync behind its
 * error itself, which pg's own queries have sent already.
 */
function rewinding(query: Submittable, connection: Connection): () => boolean {
  if (query.requiresPreparation !== undefined)
    return () => {
      // A query that reads in portions leaves the Sync to the end of them.
      if (query.rows) connection.sync();
      return true;
    };
  const cursor: Cursor = query.cursor ?? query;
  if (cursor._getRows === undefined) return () => false;
  let read: unknown[] | undefined;
  const restore = override(cursor, '_getRows', (getRows) => (...args) => {
    read = args;
    return getRows(...args);
  });
  return () => {
    if (cursor.state === 'done' || !read || !cursor._queue) return false;
    restore();
    cursor._queue.unshift(read);
    cursor._cb = null;
    // Until it is submitted again, reads wait.
    cursor.state = 'initialized';
    cursor.connection = null;
    connection.sync();
    return true;
  };
}

/** Whether an error is the server's word that a procedure ended the transaction that the settings began. */
export function commitsInside(error: unknown): boolean {
  const { code, severity } = Object(error) as { code?: unknown; severity?: unknown };
  return code === INVALID_TRANSACTION_TERMINATION && severity !== undefined;
}

/** Notes that a CALL or DO ends its own transaction, and says what that means, once for each text. */
export function rememberToCommit(text: unknown): void {
  if (texts.size >= REMEMBERED) texts.clear();
  texts.add(withoutComment(text));
  process.emitWarning(
    'A procedure or DO block that commits was called outside a transaction: its changes have no actor on this server version. ' +
      "Pass the actor as an argument and call set_config('threadline.actor_ref', …, true) after each COMMIT.",
    { type: 'ThreadlineWarning', code: 'TL_PROCEDURE_COMMITS' },
  );
}
