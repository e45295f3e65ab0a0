import { SET_CONFIG_SQL, type Settings, settingsValues } from '../../core/wire.ts';

const TEXT_OID = 25;

const PARSE: Buffer = message('P', [cString(''), cString(SET_CONFIG_SQL), int16(2), int32(TEXT_OID), int32(TEXT_OID)]);
const EXECUTE: Buffer = message('E', [cString(''), int32(0)]);

const written = new WeakMap<Settings, Buffer>();

/**
 * Parse, Bind and Execute of the statement that applies `settings`, without a Sync: whatever the
 * client sends next runs in the same transaction. Made once per context. The statement is unnamed,
 * so it needs nothing of a pooler and leaves no prepared statement behind.
 */
export function settingsMessages(settings: Settings): Buffer {
  let buffer = written.get(settings);
  if (buffer === undefined) {
    const values = settingsValues(settings).flatMap((value) => [int32(value.length), Buffer.from(value, 'latin1')]);
    const bind = message('B', [cString(''), cString(''), int16(0), int16(values.length / 2), ...values, int16(0)]);
    buffer = Buffer.concat([PARSE, bind, EXECUTE]);
    written.set(settings, buffer);
  }
  return buffer;
}

function message(type: string, parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(type, 'latin1'), int32(body.length + 4), body]);
}

// Settings and SQL are ASCII, so a character is a byte.
function cString(text: string): Buffer {
  return Buffer.from(`${text}\0`, 'latin1');
}

function int16(value: number): Buffer {
  const buffer = Buffer.alloc(2);
  buffer.writeInt16BE(value);
  return buffer;
}

function int32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32BE(value);
  return buffer;
}
