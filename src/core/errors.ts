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
  TL_SERIALIZED_CONTEXT_INVALID: 'A serialized context is malformed, too large or of an unknown version.',
  TL_IDENTIFIER_INVALID: 'A table or schema name is not a legal PostgreSQL identifier.',
  TL_DATABASE_UNSUPPORTED: 'The `db` that was passed is of no kind that Threadline can query.',
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
