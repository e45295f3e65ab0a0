/** Every error code with what it means in one sentence; `docs/errors.md` adds the remedy. */
export const ERROR_CODES = {
  TL_ACTOR_INVALID: 'An actor is not an object of the shape { type, id }.',
  TL_ACTOR_TYPE_UNKNOWN: 'An actor has a type that is not one of the six.',
  TL_ACTOR_ID_MISSING: 'An actor that needs an id has none.',
  TL_ACTOR_ID_NOT_STRING: 'An actor id is not a string.',
  TL_ACTOR_ID_EMPTY: 'An actor id is the empty string.',
  TL_ACTOR_ID_TOO_LONG: 'An actor id is longer than 255 characters.',
  TL_ACTOR_ID_CONTROL_CHARACTER: 'An actor id holds a control character.',
  TL_ACTOR_ID_MALFORMED: 'An actor id holds half of a surrogate pair.',
  TL_ACTOR_ID_UNEXPECTED: 'An anonymous actor was given an id.',
  TL_CONTEXT_INVALID: 'A context has an unknown field or a field of the wrong shape.',
  TL_CONTEXT_META_INVALID: 'The meta of a context cannot be written as JSON.',
  TL_CONTEXT_TOO_LARGE: 'A context is larger than 8 KiB once written as text.',
  TL_SERIALIZED_CONTEXT_INVALID: 'A serialized context is absent, malformed, too large or of an unknown version.',
  TL_JOB_OPTIONS_INVALID:
    'The options that a worker gave for its job are unknown, of the wrong shape, or name an actor that is no job.',
  TL_IDENTIFIER_INVALID: 'A table or schema name is not a legal PostgreSQL identifier.',
  TL_DATABASE_UNSUPPORTED: 'The `db` that was passed is of no kind that Threadline can query.',
  TL_MIDDLEWARE_OPTIONS_INVALID:
    'The options of threadline(options) lack an actor function, or hold something unknown or wrong.',
  TL_REQUEST_CONTEXT_FAILED: 'The actor or meta function of a middleware threw a value that is no Error.',
  TL_INSTALL_OPTIONS_INVALID: 'An option of the installation is unknown or of the wrong shape.',
  TL_NOT_INSTALLED: 'Threadline is not installed in the schema that was named.',
  TL_SCHEMA_NEWER: 'The database was installed by a newer Threadline than the one that runs.',
  TL_TABLE_NOT_FOUND: 'There is no table of the name that was given.',
  TL_TABLE_OWN: 'One of the tables to audit belongs to Threadline itself.',
  TL_TABLE_PARTITION: 'One of the tables to audit is a partition of another.',
  TL_TABLE_UNSUPPORTED: 'One of the tables to audit is a view, a foreign table, a temporary table or no table at all.',
  TL_TABLE_AUDITED_ELSEWHERE: 'One of the tables to audit is audited by an installation in another schema.',
  TL_TABLE_OPTIONS_INVALID: 'An option of a table is unknown or of the wrong shape.',
  TL_BASELINE_UNAVAILABLE: 'A baseline cannot be recorded for this table, or as it was begun.',
  TL_LOG_APPEND_ONLY: 'Something recorded was to be changed or deleted, and the log is append-only.',
  TL_DELETION_INVALID: 'A deletion from the log names no moment, or no number of rows.',
  TL_ROLE_NOT_FOUND: 'There is no role of a name that was given.',
  TL_NOT_OWNER: 'The log belongs to another role than the one that asks for what only its owner may do.',
  TL_ACTION_INVALID: 'An action has no name, or an option that is unknown or of the wrong shape.',
  TL_FILTER_INVALID: 'A filter or option of a query is unknown or of the wrong shape.',
  TL_KEY_MISMATCH: 'The columns given as `pk` are not those of the key of the table.',
  TL_KEY_INVALID: 'A value given as `pk` is none of the type of its key column.',
  TL_CLI_USAGE: 'A command line holds an unknown command or flag, or lacks something.',
  TL_CLI_DATABASE_URL: 'DATABASE_URL is missing or malformed, or no connection can be made with it.',
  TL_CLI_DRIVER_MISSING: 'The command line found neither pg nor postgres to connect with.',
  TL_CLI_FILE_DIFFERS: 'The file to write exists already, with other content.',
  TL_CONFORMANCE_HARNESS_INVALID: 'A harness of the conformance suite names limits for tests that do not exist.',
  TL_PG_NATIVE_UNSUPPORTED: 'A client of pg-native was to write under a context.',
  TL_KNEX_UNSUPPORTED: 'A Knex instance is not one for PostgreSQL over the driver `pg`.',
  TL_POSTGRES_UNSUPPORTED: 'What was given to wrapPostgres is not the sql of a version of postgres.js that is known.',
  TL_POSTGRES_SOCKET_UNSUPPORTED: 'The socket option of postgres.js returned something that is no stream of Node.',
  TL_PGLITE_UNSUPPORTED: 'What was given to wrapPGlite is not a PGlite that can be instrumented.',
} as const;

/** A stable identifier of what went wrong: match on this, never on the message. */
export type ThreadlineErrorCode = keyof typeof ERROR_CODES;

const BRAND = Symbol.for('threadline.error');

/**
 * The one error class of the package. `code` is stable, `message` says what to do, `cause` is what
 * was thrown underneath, if anything was. Messages never hold row data.
 *
 * @example
 * try {
 *   actor.user('');
 * } catch (error) {
 *   if (isThreadlineError(error) && error.code === 'TL_ACTOR_ID_EMPTY') console.log('no id');
 * }
 */
export class ThreadlineError extends Error {
  readonly code: ThreadlineErrorCode;

  constructor(code: ThreadlineErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = 'ThreadlineError';
    this.code = code;
    // A symbol instead of instanceof: two copies of the package must recognise each other's errors.
    Object.defineProperty(this, BRAND, { value: true });
  }
}

/** Whether a thrown value is a {@link ThreadlineError}, also one from a second copy of the package. */
export function isThreadlineError(value: unknown): value is ThreadlineError {
  return typeof value === 'object' && value !== null && BRAND in value;
}
