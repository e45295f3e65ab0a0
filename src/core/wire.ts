import type { ActorRef } from './actor.ts';

/** The transaction-local setting that names the actor: the ActorRef as JSON. */
export const ACTOR_SETTING = 'threadline.actor_ref';
/** The transaction-local setting with the rest of the context as one JSON object. */
export const CONTEXT_SETTING = 'threadline.context';
/** The largest context, in bytes of both settings together. */
export const MAX_SETTINGS_BYTES = 8192;

/** What reaches the trigger: the texts of the two settings, `''` for what is absent. */
export interface Settings {
  readonly actorRef: string;
  readonly context: string;
}

/** The settings of code that runs in no context: a value like any other, written as `''`. */
export const NO_SETTINGS: Settings = Object.freeze({ actorRef: '', context: '' });

/**
 * The one statement that carries a context into a transaction; its values come from {@link settingsValues}.
 * It returns no row: OR evaluates both calls, since neither returns NULL.
 */
export const SET_CONFIG_SQL: string = setConfigSql('$1', '$2');

/** The same, with one row: the id of the server's process that executes it, and the server's version as a number. */
export const IDENTIFYING_SQL: string =
  `select pg_catalog.pg_backend_pid(), pg_catalog.current_setting('server_version_num') where pg_catalog.set_config('${ACTOR_SETTING}', $1, true) is not null ` +
  `and pg_catalog.set_config('${CONTEXT_SETTING}', $2, true) is not null`;

/** {@link SET_CONFIG_SQL} with other expressions of type text in the place of the two parameters. */
export function setConfigSql(actorRef: string, context: string): string {
  return (
    `select where pg_catalog.set_config('${ACTOR_SETTING}', ${actorRef}, true) is null ` +
    `or pg_catalog.set_config('${CONTEXT_SETTING}', ${context}, true) is null`
  );
}

/** The values of {@link SET_CONFIG_SQL}, in its order. */
export function settingsValues(settings: Settings): [actorRef: string, context: string] {
  return [settings.actorRef, settings.context];
}

/** Whether two settings say the same. */
export function sameSettings(a: Settings, b: Settings): boolean {
  return a === b || (a.actorRef === b.actorRef && a.context === b.context);
}

/** The fields of a context besides its actor, by their names on the wire. */
export interface WireContext {
  readonly correlation_id?: string | undefined;
  readonly request_id?: string | undefined;
  readonly job_id?: string | undefined;
  readonly source?: string | undefined;
  readonly remote_ip?: string | undefined;
  readonly meta?: unknown;
}

// The longest that both settings together may be where they are vouched for: what fits into an entry of any index.
const MAX_VOUCHED_LENGTH = 2000;

/**
 * Writes both settings as ASCII-only JSON, which survives every client encoding and every quoting.
 *
 * A space before each vouches for them: two objects, valid, with nothing escaped and nothing empty, so that the trigger
 * takes them as they are. It looks closely at all others, which anybody may have written.
 */
export function writeSettings(actor: ActorRef | undefined, context: WireContext): Settings {
  const actorRef = actor === undefined ? '' : asciiJson(actor);
  const text = asciiJson(context);
  if (text === '{}') return Object.freeze({ actorRef, context: '' });
  const both = actorRef + text;
  const isPlain = actorRef !== '' && both.length < MAX_VOUCHED_LENGTH && !/\\|""/.test(both);
  return Object.freeze(isPlain ? { actorRef: ` ${actorRef}`, context: ` ${text}` } : { actorRef, context: text });
}

/** JSON in ASCII alone. */
export function asciiJson(value: unknown): string {
  // What lies below U+007F and is not printable, JSON.stringify escapes already.
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
