import { randomUUID } from 'node:crypto';
import { SET_CONFIG_SQL, type Settings, settingsValues } from '../../core/wire.ts';

/*
 * Parsing and planning the statement that applies the settings costs the server about as much as a
 * small insert. Where a query goes out as a prepared statement, whatever lies between here and the
 * server can do that, and the settings go out as one too.
 */

const TEXT_OID = 25;

/** The settings' prepared statement on one connection. */
export interface PreparedSettings {
  readonly name: string;
  /** Whether the server has said that it knows it. */
  isKnown: boolean;
}

// Some poolers let several processes share a connection to the server, with all its statements.
const PREFIX = `threadline_${randomUUID().slice(0, 8)}`;
let count = 0;

/** A statement under a name that no connection has ever known. */
export function newPreparedSettings(): PreparedSettings {
  count += 1;
  return { name: `${PREFIX}_${count}`, isKnown: false };
}

/** Bind and Execute, behind a Parse where the server does not know the statement yet. */
export function preparedMessages({ name, isKnown }: PreparedSettings, settings: Settings): Buffer {
  const values = settingsValues(settings);
  const bind = `\0${name}\0${int16(0)}${int16(2)}${values.map((value) => int32(value.length) + value).join('')}${int16(0)}`;
  const apply = message('B', bind) + message('E', `\0${int32(0)}`);
  // Settings and SQL are ASCII, so a character is a byte.
  return Buffer.from(isKnown ? apply : parseMessage(name) + apply, 'latin1');
}

function parseMessage(name: string): string {
  return message('P', `${name}\0${SET_CONFIG_SQL}\0${int16(2)}${int32(TEXT_OID)}${int32(TEXT_OID)}`);
}

function message(type: string, body: string): string {
  return type + int32(body.length + 4) + body;
}

function int16(value: number): string {
  return String.fromCharCode(value >> 8, value & 0xff);
}

function int32(value: number): string {
  return int16(value >> 16) + int16(value & 0xffff);
}
