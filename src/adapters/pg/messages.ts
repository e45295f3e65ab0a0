import { randomUUID } from 'node:crypto';
import { IDENTIFYING_SQL, SET_CONFIG_SQL, type Settings, settingsValues } from '../../core/wire.ts';

/*
 * The protocol messages that apply settings, without a Sync: whatever the client sends next runs in
 * the same transaction. The unnamed statement needs nothing of a pooler and leaves nothing behind.
 * But parsing and planning it costs the server half of a small insert, so where a prepared statement
 * is sure to be there when it is needed, the settings go out as one.
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
const UNNAMED = '';
let count = 0;

const written = new WeakMap<Settings, Buffer>();

/** By the unnamed statement. Made once per context. */
export function settingsMessages(settings: Settings): Buffer {
  let messages = written.get(settings);
  if (messages === undefined) {
    messages = bytes(parse(UNNAMED, SET_CONFIG_SQL) + bind(UNNAMED, settings) + EXECUTE);
    written.set(settings, messages);
  }
  return messages;
}

/** The same, answered by one row: the id of the process that executed it. */
export function identifyingMessages(settings: Settings): Buffer {
  return bytes(parse(UNNAMED, IDENTIFYING_SQL) + bind(UNNAMED, settings) + EXECUTE);
}

/** A statement under a name that no connection has ever known. */
export function newPreparedSettings(): PreparedSettings {
  return { name: newName(), isKnown: false, last: undefined };
}

/** Bind and Execute, behind a Parse where the server does not know the statement yet. */
export function preparedMessages(prepared: PreparedSettings, settings: Settings): Buffer {
  const { name, isKnown, last } = prepared;
  if (last?.settings === settings) return last.messages;
  const apply = bind(name, settings) + EXECUTE;
  if (!isKnown) return bytes(parse(name, SET_CONFIG_SQL) + apply);
  const messages = bytes(apply);
  prepared.last = { settings, messages };
  return messages;
}

/** By a statement that is closed right behind: for a query whose own statement is the unnamed one. */
export function passingMessages(settings: Settings): Buffer {
  const name = newName();
  return bytes(parse(name, SET_CONFIG_SQL) + bind(name, settings) + EXECUTE + message('C', `S${name}\0`));
}

function newName(): string {
  count += 1;
  return `${PREFIX}_${count}`;
}

function parse(name: string, sql: string): string {
  return message('P', `${name}\0${sql}\0${int16(2)}${int32(TEXT_OID)}${int32(TEXT_OID)}`);
}

function bind(name: string, settings: Settings): string {
  const values = settingsValues(settings).map((value) => int32(value.length) + value);
  return message('B', `\0${name}\0${int16(0)}${int16(values.length)}${values.join('')}${int16(0)}`);
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
  return int16((value >> 16) & 0xffff) + int16(value & 0xffff);
}
