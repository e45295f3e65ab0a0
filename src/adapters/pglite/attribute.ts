import { AsyncLocalStorage } from 'node:async_hooks';
import { type ScannedText, scanStatement } from '../../core/scanner.ts';
import { currentSettings } from '../../core/store.ts';
import type { Settings } from '../../core/wire.ts';
import { commitsInside, rememberToCommit, seenToCommit } from '../pg/committing.ts';
import { type ConnectionState, controlsAndWrites, needsSettings } from '../pg/connection-state.ts';
import { settingsMessages } from '../pg/messages.ts';
import { restorePosition, writeScript } from '../pg/script.ts';
import { queryMessage, readClientMessage, syncMessage } from './client-messages.ts';
import type { BackendMessage, ExecProtocol, PGliteClient } from './driver.ts';

/** A statement under way in the extended protocol, kept until its Sync. */
interface Statement {
  readonly text: string;
  readonly mayCommit: boolean;
  /** Its messages before Execute. */
  readonly messages: Uint8Array[];
}

/**
 * PGlite's execProtocolStream with the settings in front of what needs them. Behind its mutex PGlite
 * calls it from the caller's own chain of awaits: the context is the caller's, and nothing else
 * comes between the settings and the statement. Whoever calls it from elsewhere (the connection for
 * pg that comes with PGlite does, in the context of whichever query was answered last) is let through.
 */
export function attributedMethods(db: PGliteClient): Pick<PGliteClient, 'execProtocolStream' | '_runExclusiveQuery'> {
  const { execProtocolStream: original, _runExclusiveQuery: runExclusive } = db;
  const exclusively = new AsyncLocalStorage<true>();
  const state: ConnectionState = {
    status: undefined,
    applied: undefined,
    standardStrings: undefined,
  };
  let statement: Statement | undefined;

  const send: ExecProtocol = async (message, options) => {
    const answers = await original.call(db, message, options);
    follow(state, answers);
    return answers;
  };

  const execProtocolStream: ExecProtocol = async (message, options) => {
    if (exclusively.getStore() === undefined) {
      state.applied = 'unknown';
      return send(message, options);
    }
    const incoming = readClientMessage(message);
    if (incoming.type === 'query' || incoming.type === 'parse') noticeOthers(db, state);
    if (incoming.type === 'query') return sendScript(state, { message, text: incoming.text, options, send });
    if (incoming.type === 'parse') {
      const scanned = scanStatement(incoming.text);
      const mayCommit = scanned.mayCommit && state.status === 'I';
      statement = { text: incoming.text, mayCommit, messages: [] };
      const settings = currentSettings();
      if (!(mayCommit && seenToCommit(statement.text)) && needsSettings(state, { scanned, wanted: settings }))
        await send(settingsMessages(settings), options);
    }
    if (incoming.type === 'execute' && statement?.mayCommit) {
      const { messages } = statement;
      const again = async () => {
        for (const earlier of [syncMessage, ...messages]) await send(earlier, options);
        return send(message, options);
      };
      return unlessItCommits(statement.text, { first: () => send(message, options), again });
    }
    if (incoming.type === 'sync') statement = undefined;
    else statement?.messages.push(message);
    return send(message, options);
  };
  return {
    execProtocolStream,
    _runExclusiveQuery: (fn) => runExclusive.call(db, () => exclusively.run(true, fn)) as ReturnType<typeof fn>,
  };
}

interface Outgoing {
  readonly message: Uint8Array;
  readonly options: object | undefined;
  readonly send: ExecProtocol;
}

interface Attempts {
  readonly first: () => Promise<BackendMessage[]>;
  readonly again: () => Promise<BackendMessage[]>;
}

/** For a CALL or DO: where it turns out to end its own transaction, it is sent once more without settings. */
async function unlessItCommits(text: string, attempts: Attempts): Promise<BackendMessage[]> {
  try {
    return await attempts.first();
  } catch (error) {
    if (!commitsInside(error)) throw error;
    rememberToCommit(text);
    return attempts.again();
  }
}

/** A text for the simple protocol. */
async function sendScript(
  state: ConnectionState,
  outgoing: Outgoing & { readonly text: string },
): Promise<BackendMessage[]> {
  const { message, text, options, send } = outgoing;
  const scanned = scanStatement(text);
  const settings = currentSettings();
  const mayCommit = scanned.mayCommit && state.status === 'I';
  if (mayCommit && seenToCommit(text)) return send(message, options);
  if (!needsSettings(state, { scanned, wanted: settings })) return send(message, options);
  if (state.status === 'T' && !controlsAndWrites(scanned)) {
    await send(settingsMessages(settings), options);
    return send(message, options);
  }
  // Behind settings in the extended protocol, a Query of one statement would not be committed by PostgreSQL 18.
  const written = { ...outgoing, scanned, settings };
  if (!mayCommit) return sendWritten(state, written);
  return unlessItCommits(text, { first: () => sendWritten(state, written), again: () => send(message, options) });
}

interface Script extends Outgoing {
  readonly text: string;
  readonly scanned: ScannedText;
  readonly settings: Settings;
}

/** The settings are written between the statements of the text, and the answers to them left out. */
async function sendWritten(
  { standardStrings }: ConnectionState,
  { text, scanned, settings, options, send }: Script,
): Promise<BackendMessage[]> {
  const script = writeScript(text, { scanned, settings, standardStrings });
  try {
    return withoutAdded(await send(queryMessage(script.text), options), script.added);
  } catch (error) {
    restorePosition(Object(error), script.originalPosition);
    throw error;
  }
}

function withoutAdded(answers: readonly BackendMessage[], added: ReadonlySet<number>): BackendMessage[] {
  let index = 0;
  return answers.filter(({ name }) => {
    if (name !== 'rowDescription' && name !== 'dataRow' && name !== 'commandComplete') return true;
    const kept = !added.has(index);
    if (name === 'commandComplete') index += 1;
    return kept;
  });
}

/** Messages that were handed over whole (`execProtocol`) may have begun or ended a transaction meanwhile. */
function noticeOthers(db: PGliteClient, state: ConnectionState): void {
  const isInside = db.isInTransaction?.();
  if (isInside === undefined || state.status === undefined || isInside === (state.status !== 'I')) return;
  state.status = isInside ? undefined : 'I';
  state.applied = 'unknown';
}

function follow(state: ConnectionState, answers: readonly BackendMessage[]): void {
  for (const { name, status, parameterName, parameterValue } of answers) {
    if (name === 'readyForQuery') state.status = status;
    if (name === 'parameterStatus' && parameterName === 'standard_conforming_strings')
      state.standardStrings = parameterValue === 'on';
  }
}
