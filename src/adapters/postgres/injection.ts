import { type ScannedText, scanStatement } from '../../core/scanner.ts';
import { NO_SETTINGS, type Settings } from '../../core/wire.ts';
import { rememberToCommit, seenToCommit } from '../pg/committing.ts';
import { needsSettings } from '../pg/connection-state.ts';
import { settingsMessages } from '../pg/messages.ts';
import { type Script, writeScript } from '../pg/script.ts';
import type { Connection } from './connection.ts';
import { isBound, type Journey, type Query } from './driver.ts';
import { newPreparedSettings, type PreparedSettings, preparedMessages } from './prepared-settings.ts';

/** What goes out with one query, and how far its answers have come. */
export interface Injection {
  /** The messages that apply the settings; undefined where nothing goes in front of the query. */
  readonly before: Buffer | undefined;
  /** The text that takes the place of the query's own. */
  readonly script: Script | undefined;
  /** Whether its Query message goes out as Parse, Bind, Describe, Execute and Sync. */
  readonly isConverted: boolean;
  /** Which answers come next: those to the settings, or those to the query. */
  phase: 'settings' | 'query';
  /** The prepared statement that applies the settings, if one does. */
  readonly prepared: PreparedSettings | undefined;
  /** The error that may make the query go out once more. */
  held: Buffer | undefined;
  /** How many statements of the script have been answered. */
  answered: number;
  /** Whether it is a CALL or DO, which the settings may have kept from ending its own transaction. */
  readonly mayCommit: boolean;
  /** Prepares the query for going out once more: as it is, or with its settings. */
  readonly retry: (as: 'bare' | 'attributed') => void;
}

/** For a query that goes out as it is, but marked. */
export const NOTHING: Injection = Object.freeze({
  before: undefined,
  script: undefined,
  isConverted: false,
  phase: 'query',
  prepared: undefined,
  held: undefined,
  answered: 0,
  mayCommit: false,
  retry: () => {},
});

/** Says what has to go out with a query, if anything, and notes what will hold once it has been answered. */
export function plan(query: Query, journey: Journey, connection: Connection): Injection | undefined {
  // Nothing of it runs.
  if (query.onlyDescribe) return undefined;
  const { expected } = connection;
  const scanned = scanStatement(query.string);
  const wanted = journey.scope?.settings ?? NO_SETTINGS;
  const commits = scanned.mayCommit && expected.status === 'I' && seenToCommit({ text: query.string });
  const needed = !journey.isBare && !commits && needsSettings(expected, { scanned, wanted });
  const injection = needed ? inject(query, journey, { scanned, settings: wanted, connection }) : undefined;
  // Behind transaction control that is still under way the status cannot be known.
  if (scanned.statements.some((statement) => statement.kind === 'untouched')) {
    expected.status = undefined;
    if (/discard|deallocate/i.test(query.string)) connection.prepared = undefined;
  }
  return injection;
}

interface Ingredients {
  readonly scanned: ScannedText;
  readonly settings: Settings;
  readonly connection: Connection;
}

function inject(query: Query, journey: Journey, { scanned, settings, connection }: Ingredients): Injection {
  const isSimple = Boolean(query.options.simple);
  const { standardStrings } = connection.expected;
  if (isSimple && !isConvertible(query.string, scanned, standardStrings))
    return { ...NOTHING, script: writeScript(query.string, { scanned, settings, standardStrings }) };
  const prepared = preparedFor(query, connection);
  return {
    before: prepared ? preparedMessages(prepared, settings) : settingsMessages(settings),
    script: undefined,
    isConverted: isSimple,
    phase: 'settings',
    prepared,
    held: undefined,
    answered: 0,
    // An error ends a cursor's messages only once the driver has seen it.
    mayCommit: scanned.mayCommit && !query.cursorFn,
    retry: (as) => prepareRetry(query, journey, as),
  };
}

function preparedFor(query: Query, connection: Connection): PreparedSettings | undefined {
  if (!isBound(query) || query.cursorFn || !connection.pool.preparesSettings) return undefined;
  if (connection.prepared) return connection.prepared.isKnown ? connection.prepared : undefined;
  connection.prepared = newPreparedSettings();
  return connection.prepared;
}

/**
 * Whether a text means the same in the extended protocol. As a Query message it must not follow the
 * settings: PostgreSQL 18 then leaves the transaction open, and even a Sync does not end it in order.
 */
function isConvertible(text: string, scanned: ScannedText, standardStrings: boolean | undefined): boolean {
  const isSingle = scanned.statements.length === 1 && (scanned.certain || standardStrings === true);
  // A parameter that is none of the query's own is another error there.
  return isSingle && !scanned.copies && !/\$\d/.test(text);
}

/** Lets the driver send a query again by its own way of doing so, which is meant for outdated prepared statements. */
function prepareRetry(query: Query, journey: Journey, as: 'bare' | 'attributed'): void {
  if (as === 'bare') rememberToCommit({ text: query.string });
  journey.isBare = as === 'bare';
  query.prepared = true;
  // The driver would report the first error in the place of a second one.
  Object.defineProperty(query, 'retried', { get: () => undefined, set: () => {}, configurable: true });
}
