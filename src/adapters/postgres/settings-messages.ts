import { randomUUID } from 'node:crypto';
import { SET_CONFIG_SQL, type Settings, settingsValues } from '../../core/wire.ts';

/*
 * Parsing and planning the statement that applies the settings costs the server about as much as a
 * small insert. Where a query goes out as a prepared statement, whatever lies between here and the
 * server can do that, and the settings go out as one too.
 */

/** The settings' prepared statement on one connection. */
export interface PreparedSettings {
  readonly name: string;
  /** Whether the server has said that it knows it. */
  isKnown: boolean;
  /** What was written last: most statements come in a row of the same context. */
  last: { readonly settings: Settings; readonly messages: Buffer } | undefined;
}

const TEXT_OID = 25;
// Some poolers let several processes share a connection to the server, with all its statements.
const PREFIX = `threadline_${randomUUID().slice(0, 8)}`;
const EXECUTE = message('E', `\0${int32(0)}`);
let count = 0;

/** A statement under a name that no connection has ever known. */
export function newPreparedSettings(): PreparedSettings {
  return { name: newName(), isKnown: false, last: undefined };
}

/** Bind and Execute, behind a Parse where the server does not know the statement yet. */
export function preparedMessages(prepared: PreparedSettings, settings: Settings): Buffer {
  const { name, isKnown, last } = prepared;
  if (last?.settings === settings) return last.messages;
  const apply = bind({ statement: name, settings }) + EXECUTE;
  if (!isKnown) return bytes(parse(name) + apply);
  const messages = bytes(apply);
  prepared.last = { settings, messages };
  return messages;
}

/** By a statement that is closed right behind: for a query whose own statement is the unnamed one. */
export function passingMessages(settings: Settings): Buffer {
  const name = newName();
  return bytes(parse(name) + bind({ statement: name, settings }) + EXECUTE + message('C', `S${name}\0`));
}

function newName(): string {
  count += 1;
  return `${PREFIX}_${count}`;
}

interface Binding {
  readonly statement: string;
  readonly settings: Settings;
}

function parse(statement: string): string {
  return message('P', `${statement}\0${SET_CONFIG_SQL}\0${int16(2)}${int32(TEXT_OID)}${int32(TEXT_OID)}`);
}

function bind({ statement, settings }: Binding): string {
  const values = settingsValues(settings).map((value) => int32(value.length) + value);
  return message('B', `\0${statement}\0${int16(0)}${int16(values.length)}${values.join('')}${int16(0)}`);
}

// Settings and SQL are ASCII, so a character is a byte.
function bytes(text: string): Buffer {
  return Buffer.from(text, 'latin1');
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
