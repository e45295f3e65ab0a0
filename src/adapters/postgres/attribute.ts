import { connectionOf, noteOwner } from './connection.ts';
import { isBound, type Journey, type Query } from './driver.ts';
import { type Departure, plan } from './injection.ts';
import { markFor } from './outgoing.ts';
import { findSocket } from './socket.ts';

/** A connection takes a query. */
export function take(query: Query, journey: Journey): void {
  if (!journey.pool || typeof journey.state !== 'object' || journey.state === null) return;
  journey.connection = connectionOf(journey.state, journey.pool);
  noteOwner(query, journey.connection);
  journey.isNext = false;
  journey.injection = undefined;
  journey.textMark = undefined;
  journey.portalMark = undefined;
}

/** What the server answers next is for this query: at once where nothing else is under way. */
export function activate(journey: Journey): void {
  const { connection } = journey;
  if (!connection) return;
  journey.isNext = true;
  connection.current = journey.injection;
  if (connection.held[0]?.until !== journey) return;
  const held = connection.held.shift();
  if (held) connection.send(Buffer.concat(held.parts));
}

/**
 * Nothing more is written for a query. Where something is still to be written, the driver may have
 * failed to, for a value that cannot be: what was thought to be applied then is not.
 */
export function settle(journey: Journey): void {
  const { connection } = journey;
  if (!connection || connection.marked.size === 0) return;
  connection.expected.applied &&= 'unknown';
  for (const [mark, departure] of connection.marked) if (departure.journey === journey) connection.marked.delete(mark);
}

/** The text of a query is known and its messages are about to be written: decides what goes out with them. */
export function attribute(query: Query, journey: Journey): void {
  const { connection } = journey;
  if (!connection) return;
  if (journey.isNext) connection.expected.status = connection.status;
  const injection = plan(query, journey, connection);
  journey.injection = injection;
  if (journey.isNext) connection.current = injection;
  const { departure, isAtBind } = injection ?? {};
  if (departure && isAtBind) journey.portalMark = markFor(connection, departure);
  if (connection.socket) {
    if (departure && !isAtBind) markFirst(query, journey, markFor(connection, departure));
    return;
  }
  // What is older than the adapter is answered first, and nobody knows how much that is.
  const first: Departure = { ...(isAtBind ? {} : departure), journey, waits: true };
  const mark = markFor(connection, first, { isLong: true });
  markFirst(query, journey, mark);
  findSocket(query, mark, connection);
}

/** Marks the first message that the driver writes for a query. */
function markFirst(query: Query, journey: Journey, mark: string): void {
  if (isBound(query)) journey.portalMark = mark;
  else journey.textMark = mark;
}
