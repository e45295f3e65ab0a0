const CODE = 0x43;
const POSITION = 0x50;

/** The code of a CALL or DO that must not end a transaction which others began. */
export const INVALID_TRANSACTION_TERMINATION = '2D000';
/** The code of a prepared statement that is not there. */
export const INVALID_SQL_STATEMENT_NAME = '26000';

interface Field {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** The SQLSTATE of an ErrorResponse. */
export function codeOf(message: Buffer): string | undefined {
  return readField(message, CODE)?.text;
}

/** An ErrorResponse whose position, if it has one, is another. */
export function movePosition(message: Buffer, move: (position: number) => number): Buffer {
  const field = readField(message, POSITION);
  if (!field) return message;
  const moved = Buffer.concat([
    message.subarray(0, field.start),
    Buffer.from(String(move(Number(field.text))), 'latin1'),
    message.subarray(field.end),
  ]);
  moved.writeUInt32BE(moved.length - 1, 1);
  return moved;
}

function readField(message: Buffer, type: number): Field | undefined {
  for (let at = 5; message[at] !== 0 && at < message.length; ) {
    const end = message.indexOf(0, at + 1);
    if (message[at] === type) return { text: message.toString('utf8', at + 1, end), start: at + 1, end };
    at = end + 1;
  }
  return undefined;
}

/** An error after which the driver sends the query once more. Nobody gets to see it. */
export const RETRY_ERROR: Buffer = errorResponse({
  S: 'ERROR',
  V: 'ERROR',
  C: INVALID_TRANSACTION_TERMINATION,
  M: 'invalid transaction termination',
  R: 'RevalidateCachedQuery',
});

function errorResponse(fields: Readonly<Record<string, string>>): Buffer {
  const body = Object.entries(fields).map(([type, text]) => `${type}${text}\0`);
  const message = Buffer.from(`E    ${body.join('')}\0`, 'latin1');
  message.writeUInt32BE(message.length - 1, 1);
  return message;
}
