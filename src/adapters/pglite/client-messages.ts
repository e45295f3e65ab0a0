const PARSE = 0x50;
const EXECUTE = 0x45;
const QUERY = 0x51;
const SYNC = 0x53;

/** What the adapter has to know of a message to the server. */
export type ClientMessage =
  | { readonly type: 'parse' | 'query'; readonly text: string }
  | { readonly type: 'execute' | 'sync' | 'other' };

/** Reads a message that the client is about to send. */
export function readClientMessage(message: Uint8Array): ClientMessage {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  // A type byte and four bytes of length come first.
  if (bytes[0] === QUERY) return { type: 'query', text: cString(bytes, 5) };
  if (bytes[0] === PARSE) return { type: 'parse', text: cString(bytes, bytes.indexOf(0, 5) + 1) };
  if (bytes[0] === EXECUTE) return { type: 'execute' };
  return { type: bytes[0] === SYNC ? 'sync' : 'other' };
}

function cString(bytes: Buffer, start: number): string {
  return bytes.toString('utf8', start, bytes.indexOf(0, start));
}

/** A Query message: a text for the simple protocol. */
export function queryMessage(text: string): Uint8Array {
  const body = Buffer.from(`${text}\0`, 'utf8');
  const head = Buffer.alloc(5);
  head[0] = QUERY;
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

/** A Sync message: ends the implicit transaction of what was sent before it. */
export const syncMessage: Uint8Array = Buffer.from([SYNC, 0, 0, 0, 4]);
