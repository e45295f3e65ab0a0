import { type ScannedText, scanStatement } from '../../core/scanner.ts';
import { NO_SETTINGS, type Settings } from '../../core/wire.ts';
import { endsOnlyAlone, rememberToCommit, seenToCommit } from '../pg/committing.ts';
import { needsSettings } from '../pg/connection-state.ts';
import {
  identifyingMessages,
  newPreparedSettings,
  type PreparedSettings,
  passingMessages,
  preparedMessages,
  settingsMessages,
} from '../pg/messages.ts';
import { type Script, writeScript } from '../pg/script.ts';
import { type Connection, majorOf } from './connection.ts';
import { isBound, type Journey, type Query } from './driver.ts';

/** What becomes of a message on its way out. */
export interface Departure {
  /** Of the query that it is part of. */
  readonly journey: Journey;
  /** What goes in front of it. */
  readonly before?: Buffer | undefined;
  /** The text of the Query message that takes its place. */
  readonly text?: string | undefined;
  /** Whether it is a Query message that goes out as Parse, Bind, Describe, Execute and Sync. */
  readonly isConverted?: boolean;
  /** Whether it must stay here until everything older has been answered. */
  readonly waits?: boolean;
}

/**
 * Which answers come next: those to describing the query; to the settings; to closing their
 * statement; or to the query, sent as it is, converted, or as a script.
 */
export type Phase = 'describing' | 'settings' | 'closing' | 'query' | 'converted' | 'script';

/** What goes out with one query, and how far its answers have come. */
export interface Injection {
  readonly departure: Departure;
  /** Whether that is for its Bind, which goes out once the server has described it, and not for its first message. */
  readonly isAtBind: boolean;
  phase: Phase;
  /** The phase behind those of the settings. */
  readonly own: 'query' | 'converted';
  /** Whether the settings' statement is closed behind them. */
  readonly closes: boolean;
  readonly script: Script | undefined;
  /** How many statements of the script have been answered. */
  answered: number;
  /** The prepared statement that applies the settings, if one does. */
  readonly prepared: PreparedSettings | undefined;
  /** The error that may make the query go out once more. */
  held: Buffer | undefined;
  /** Whether it is a CALL or DO, which the settings may have kept from ending its own transaction. */
  readonly mayCommit: boolean;
  /** Whether the driver ends its messages only once it has seen the answer. */
  readonly isCursor: boolean;
  /** Prepares the query for going out once more: as it is, or with its settings. */
  readonly retry: (as: 'bare' | 'attributed') => void;
}

/** Says what has to go out with a query, if anything, and notes what will hold once it has been answered. */
export function plan(query: Query, journey: Journey, connection: Connection): Injection | undefined {
  // Nothing of it runs.
  if (query.onlyDescribe) return undefined;
  const { expected } = connection;
  const scanned = scanStatement(query.string);
  const wanted = journey.scope?.settings ?? NO_SETTINGS;
  const commits = scanned.mayCommit && expected.status === 'I' && seenToCommit(query.string);
  const needed = !journey.isBare && !commits && needsSettings(expected, { scanned, wanted });
  const injection = needed ? inject(query, journey, { scanned, settings: wanted, connection }) : undefined;
  // Behind transaction control that is still under way the status cannot be known.
  if (scanned.statements.some((statement) => statement.kind === 'untouched')) expected.status = undefined;
  if (scanned.forgetsStatements) connection.prepared = undefined;
  return injection;
}

interface Ingredients {
  readonly scanned: ScannedText;
  readonly settings: Settings;
  readonly connection: Connection;
}

function inject(query: Query, journey: Journey, ingredients: Ingredients): Injection {
  const isSimple = Boolean(query.options.simple);
  const { scanned, settings, connection } = ingredients;
  const { standardStrings } = connection.expected;
  const injection: Injection = {
    departure: { journey },
    isAtBind: false,
    phase: 'settings',
    own: isSimple ? 'converted' : 'query',
    closes: false,
    script: undefined,
    answered: 0,
    prepared: undefined,
    held: undefined,
    // A cursor's answer cannot wait for the status behind it.
    mayCommit: scanned.mayCommit && (!query.cursorFn || connection.expected.status === 'I'),
    isCursor: Boolean(query.cursorFn),
    retry: (as) => prepareRetry(query, journey, as),
  };
  // Sent once more, it goes behind what is under way by then, of which a part may still be to be written.
  if (injection.mayCommit && connection.expected.status !== 'T' && endsOnlyAlone(majorOf(connection)))
    query.options.onexecute ??= () => false;
  const isScript = isExposed(query, journey, connection) && !scanned.mayCommit;
  if (isSimple && (isScript || !isConvertible(scanned, standardStrings))) {
    const script = writeScript(query.string, { scanned, settings, standardStrings });
    return { ...injection, departure: { journey, text: script.text }, phase: 'script', script };
  }
  return { ...injection, ...extended(query, journey, ingredients) };
}

/** Settings and query share one Sync and one write, and the server gets nothing else in between. */
function extended(query: Query, journey: Journey, { settings, connection }: Ingredients): Partial<Injection> {
  const isConverted = Boolean(query.options.simple);
  const isAtBind = Boolean(query.describeFirst) && !isConverted;
  const waits = !isAtBind && isExposed(query, journey, connection);
  // An error ends a cursor's messages only once the driver has seen it: it cannot go out once more.
  const prepared = query.cursorFn ? undefined : preparedFor(query, connection);
  const closes = !prepared && isAtBind && !query.prepare;
  const before = prepared ? preparedMessages(prepared, settings) : unpreparedMessages(settings, connection, closes);
  const departure = { journey, before, waits, isConverted };
  return { departure, isAtBind, prepared, closes, phase: isAtBind ? 'describing' : 'settings' };
}

/**
 * Whether somebody else might get in between the messages of a query. PgBouncer hands the server's
 * connection over when the query in front is answered, even if the Sync behind what it has passed on
 * is still to come: settings that have been applied would be those of the next client's transaction.
 * In a transaction nothing is handed over, and what is not prepared may be so for the sake of a pooler.
 */
function isExposed(query: Query, { isNext }: Journey, { expected, isDirect }: Connection): boolean {
  return !isNext && expected.status !== 'T' && (!isDirect || !query.prepare);
}

function unpreparedMessages(settings: Settings, { isDirect }: Connection, closes: boolean): Buffer {
  if (closes) return passingMessages(settings);
  return isDirect === undefined ? identifyingMessages(settings) : settingsMessages(settings);
}

/** Made for the first query that is prepared itself, and used by all others once the server knows it. */
function preparedFor(query: Query, connection: Connection): PreparedSettings | undefined {
  if (!connection.pool.preparesSettings || connection.isDirect === undefined) return undefined;
  if (connection.prepared) return connection.prepared.isKnown ? connection.prepared : undefined;
  if (isBound(query)) connection.prepared = newPreparedSettings();
  return connection.prepared;
}

/**
 * Whether a text means the same in the extended protocol. As a Query message it must not follow the
 * settings: PostgreSQL 18 then leaves the transaction open, and even a Sync does not end it in order.
 */
function isConvertible(scanned: ScannedText, standardStrings: boolean | undefined): boolean {
  const isSingle = scanned.statements.length === 1 && (scanned.certain || standardStrings === true);
  // A parameter that is none of the query's own is another error there.
  return isSingle && !scanned.copies && !scanned.hasParameters;
}

/** Lets the driver send a query again by its own way of doing so, which is meant for outdated prepared statements. */
function prepareRetry(query: Query, journey: Journey, as: 'bare' | 'attributed'): void {
  if (as === 'bare') rememberToCommit(query.string);
  journey.isBare = as === 'bare';
  query.prepared = true;
  // The values that were written are texts by now: written again they would be others ('t' becomes false).
  query.parameters = undefined;
  // The driver would forget the statement and describe it again, without keeping others from getting in between.
  if (as === 'bare') query.signature = '';
  // The driver would report the first error in the place of a second one.
  Object.defineProperty(query, 'retried', { get: () => undefined, set: () => {}, configurable: true });
}
