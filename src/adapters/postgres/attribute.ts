import { connectionOf } from './connection.ts';
import type { Journey, Query } from './driver.ts';
import { NOTHING, plan } from './injection.ts';
import { markFor } from './outgoing.ts';
import { findSocket } from './socket.ts';

/** A connection takes a query. */
export function take(journey: Journey): void {
  if (!journey.pool || typeof journey.state !== 'object' || journey.state === null) return;
  journey.connection = connectionOf(journey.state, journey.pool);
  journey.isNext = false;
  journey.injection = undefined;
  journey.mark = undefined;
}

/** What the server answers next is for this query: at once where nothing else is under way. */
export function activate(journey: Journey): void {
  const { connection } = journey;
  if (!connection) return;
  journey.isNext = true;
  connection.current = journey.injection;
  if (!connection.held) return;
  const held = Buffer.concat(connection.held);
  connection.held = undefined;
  connection.send(held);
}

/** The text of a query is known and its messages are about to be written: decides what goes out with them. */
export function attribute(query: Query, journey: Journey): void {
  const { connection } = journey;
  if (!connection) return;
  if (journey.isNext) connection.expected.status = connection.status;
  const injection = plan(query, journey, connection);
  journey.injection = injection;
  if (journey.isNext) connection.current = injection;
  if (connection.socket) {
    if (injection) journey.mark = markFor(connection, injection);
    return;
  }
  // What was sent before the adapter was there is answered first, and nobody knows how much that is.
  if (!journey.isNext) connection.held ??= [];
  journey.mark = markFor(connection, injection ?? NOTHING, { isLong: true });
  findSocket(query, journey.mark, connection);
}
