import type { Connection } from './connection.ts';
import type { Departure } from './injection.ts';

/*
 * The driver collects the messages of several queries before it writes them. So that the settings
 * end up in front of the right ones, a query that needs something carries a mark in its first
 * message, at the beginning of its text or portal name. The mark is taken out here; one that got
 * through would make the server refuse the query, never run it unattributed.
 */

const MARK = 0x01;
const QUERY = 0x51;
const PARSE = 0x50;
const BIND = 0x42;
// What a query under way copies in, which is written by itself and goes past what is held.
const COPIED: ReadonlySet<number | undefined> = new Set([0x64, 0x63, 0x66]);

// Parse of the unnamed statement; Bind, Describe and Execute of the unnamed portal, and Sync.
const PARSE_HEADER = 'P    \0';
const NO_PARAMETERS = '\0\0';
const RUN: Buffer = Buffer.from(
  'B\0\0\0\x0c\0\0\0\0\0\0\0\0' + 'D\0\0\0\x06P\0' + 'E\0\0\0\x09\0\0\0\0\0' + 'S\0\0\0\x04',
  'latin1',
);

// More than the driver collects before it writes at once (1024 bytes).
const PADDING = ' '.repeat(1100);
// What is marked is written within 1024 bytes; only where the driver blames another query for a value that cannot
// be written, its mark stays.
const MOST_MARKS = 1000;

let count = 0;

/** Marks a message of this connection; with a long mark the driver writes at once. */
export function markFor(connection: Connection, departure: Departure, options?: { readonly isLong: boolean }): string {
  const { marked } = connection;
  count += 1;
  const mark = `\u0001${count}${options?.isLong ? PADDING : ''}\u0001`;
  if (marked.size >= MOST_MARKS) marked.delete(marked.keys().next().value ?? '');
  marked.set(mark, departure);
  return mark;
}

/** The bytes that go out now in the place of those that the driver writes; what has to wait is held. */
export function outgoing(connection: Connection, chunk: Buffer): Buffer {
  const { marked, held } = connection;
  if (COPIED.has(chunk[0])) return chunk;
  const now: Buffer[] = [];
  let from = 0;
  const addUntil = (end: number) => {
    if (end > from) (held.at(-1)?.parts ?? now).push(chunk.subarray(from, end));
    from = end;
  };
  for (let at = 0; marked.size > 0 && at + 5 <= chunk.length; ) {
    const end = at + 1 + chunk.readUInt32BE(at + 1);
    const start = placeOfMark(chunk, at);
    const stop = start === undefined ? 0 : chunk.indexOf(MARK, start + 1) + 1;
    const mark = start === undefined ? '' : chunk.toString('latin1', start, stop);
    const departure = marked.get(mark);
    if (departure && start !== undefined) {
      marked.delete(mark);
      addUntil(at);
      if (departure.waits && !departure.journey.isNext) held.push({ until: departure.journey, parts: [] });
      from = removeMark(chunk, { at, start, stop });
      if (replaces(departure, chunk.subarray(from, end), held.at(-1)?.parts ?? now)) from = end;
    }
    at = end;
  }
  if (from === 0 && held.length === 0) return chunk;
  addUntil(chunk.length);
  return now.length === 1 && now[0] ? now[0] : Buffer.concat(now);
}

interface Place {
  /** Where the message begins, and where its mark begins and ends. */
  readonly at: number;
  readonly start: number;
  readonly stop: number;
}

/** Moves what is in front of the mark over it, and says where the message begins now. */
function removeMark(chunk: Buffer, { at, start, stop }: Place): number {
  const length = chunk.readUInt32BE(at + 1) - (stop - start);
  const begin = at + stop - start;
  chunk.copyWithin(begin, at, start);
  chunk.writeUInt32BE(length, begin + 1);
  return begin;
}

/** Adds what goes in front of a message; true where it also takes the place of the message. */
function replaces({ before, text, isConverted }: Departure, message: Buffer, parts: Buffer[]): boolean {
  if (before) parts.push(before);
  if (text !== undefined) parts.push(framed(Buffer.from(`Q    ${text}\0`, 'utf8')));
  else if (before && isConverted) parts.push(...extendedMessages(message));
  else return false;
  return true;
}

function placeOfMark(chunk: Buffer, at: number): number | undefined {
  const type = chunk[at];
  if (type !== QUERY && type !== PARSE && type !== BIND) return undefined;
  // In Parse the text comes behind the name of the statement.
  const place = type === PARSE ? chunk.indexOf(0, at + 5) + 1 : at + 5;
  return chunk[place] === MARK ? place : undefined;
}

function extendedMessages(query: Buffer): Buffer[] {
  const text = query.subarray(5);
  return [framed(Buffer.concat([Buffer.from(PARSE_HEADER), text, Buffer.from(NO_PARAMETERS)])), RUN];
}

/** A message whose length is still to be written into it. */
function framed(message: Buffer): Buffer {
  message.writeUInt32BE(message.length - 1, 1);
  return message;
}
