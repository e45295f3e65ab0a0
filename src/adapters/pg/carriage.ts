import type { Settings } from '../../core/wire.ts';
import type { ClientState } from './connection-state.ts';
import type { PgClient } from './driver.ts';
import { identifyingMessages, newPreparedSettings, preparedMessages, settingsMessages } from './messages.ts';

/** How settings go out on a connection. */
export interface Carriage {
  /** Undefined where there is no socket to write them to. */
  readonly messages: Buffer | undefined;
  /** Where a row answers them: takes its fields. */
  readonly takeRow?: (fields: readonly unknown[]) => void;
  /** The server has applied them, or refused to. */
  answered?(isApplied: boolean): void;
}

/**
 * As a prepared statement where the server's own process is at the other end: it has the id that the
 * connection was told, while a pooler, which gives connections to whoever comes next, has to make
 * one up. The first settings on each connection ask for that id.
 */
export function carry(settings: Settings, client: PgClient, state: ClientState): Carriage {
  if (client.connection?.stream.write === undefined) return { messages: undefined };
  if (state.isDirect === undefined)
    return {
      messages: identifyingMessages(settings),
      takeRow: ([process, version]) => {
        state.isDirect = Number(process) === client.processID;
        // A client may have been connected before it was wrapped, when the server said so unheard.
        state.serverMajor ??= Math.floor(Number(version) / 10_000);
      },
    };
  // In a pipeline, what the server has not said to know may still be refused.
  const isUnderWay = state.prepared?.isKnown === false;
  if (!state.isDirect || isUnderWay) return { messages: settingsMessages(settings) };
  const prepared = state.prepared ?? newPreparedSettings();
  state.prepared = prepared;
  return {
    messages: preparedMessages(prepared, settings),
    answered: (isApplied) => {
      if (isApplied) prepared.isKnown = true;
      // Somebody takes statements away, unseen: never again on this connection.
      else state.isDirect = false;
    },
  };
}
