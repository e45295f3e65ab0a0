import type { Connection } from './connection.ts';
import type { Injection } from './injection.ts';

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

// Parse of the unnamed statement; Bind, Describe and Execute of the unnamed portal, and Sync.
const PARSE_HEADER = 'P    \0';
const NO_PARAMETERS = '\0\0';
const RUN: Buffer = Buffer.from(
  'B\0\0\0\x0c\0\0\0\0\0\0\0\0' + 'D\0\0\0\x06P\0' + 'E\0\0\0\x09\0\0\0\0\0' + 'S\0\0\0\x04',
  'latin1',
);

// More than the driver collects before it writes at once (1024 bytes).
const PADDING = ' '.repeat(1100);
// What is marked is written within 1024 bytes; only a parameter that could not be written leaves its mark behind.
const MOST_MARKS = 1000;

let count = 0;

/** Marks a query of this connection; with a long mark the driver writes at once. */
export function markFor(connection: Connection, injection: Injection, options?: { readonly isLong: boolean }): string {
  const { marked } = connection;
  count += 1;
  const id = `${count}${options?.isLong ? PADDING : ''}`;
  if (marked.size >= MOST_MARKS) marked.delete(marked.keys().next().value ?? '');
  marked.set(id, injection);
  return `\u0001${id}\u0001`;
}

/** The bytes that go out in the place of those that the driver writes. */
export function outgoing({ marked }: Connection, chunk: Buffer): Buffer {
  if (marked.size === 0) return chunk;
  const parts: Buffer[] = [];
  let from = 0;
  for (let at = 0; at + 5 <= chunk.length; ) {
    const end = at + 1 + chunk.readUInt32BE(at + 1);
    const start = placeOfMark(chunk, at);
    const stop = start === undefined ? -1 : chunk.indexOf(MARK, start + 1);
    if (start !== undefined && stop > 0) {
      const id = chunk.toString('latin1', start + 1, stop);
      const injection = marked.get(id);
      if (injection) {
        marked.delete(id);
        const message = withoutMark(chunk.subarray(at, end), start - at, stop + 1 - at);
        parts.push(chunk.subarray(from, at), ...messagesOf(injection, message));
        from = end;
      }
    }
    at = end;
  }
  return parts.length === 0 ? chunk : Buffer.concat([...parts, chunk.subarray(from)]);
}

/** Where the first marked message begins. */
export function firstMarked(chunk: Buffer): number {
  for (let at = 0; at + 5 <= chunk.length; at += 1 + chunk.readUInt32BE(at + 1))
    if (placeOfMark(chunk, at) !== undefined) return at;
  return chunk.length;
}

function placeOfMark(chunk: Buffer, at: number): number | undefined {
  const type = chunk[at];
  if (type !== QUERY && type !== PARSE && type !== BIND) return undefined;
  // In Parse the text comes behind the name of the statement.
  const place = type === PARSE ? chunk.indexOf(0, at + 5) + 1 : at + 5;
  return chunk[place] === MARK ? place : undefined;
}

function withoutMark(message: Buffer, start: number, end: number): Buffer {
  const result = Buffer.allocUnsafe(message.length - (end - start));
  message.copy(result, 0, 0, start);
  message.copy(result, start, end);
  return framed(result);
}

function messagesOf({ before, script, isConverted }: Injection, message: Buffer): Buffer[] {
  if (script) return [framed(Buffer.from(`Q    ${script.text}\0`, 'utf8'))];
  if (!before) return [message];
  return isConverted ? [before, ...extendedMessages(message)] : [before, message];
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
