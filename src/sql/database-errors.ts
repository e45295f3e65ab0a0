import { ThreadlineError, type ThreadlineErrorCode } from '../core/errors.ts';

/** The SQLSTATEs that Threadline's own SQL raises. */
const CODES: Readonly<Record<string, ThreadlineErrorCode>> = {
  TL001: 'TL_SCHEMA_NEWER',
  TL002: 'TL_TABLE_NOT_FOUND',
  TL003: 'TL_TABLE_OWN',
  TL004: 'TL_TABLE_PARTITION',
  TL005: 'TL_TABLE_UNSUPPORTED',
  TL006: 'TL_TABLE_OPTIONS_INVALID',
  TL007: 'TL_TABLE_AUDITED_ELSEWHERE',
  TL020: 'TL_ACTION_INVALID',
  TL030: 'TL_BASELINE_UNAVAILABLE',
  TL040: 'TL_LOG_APPEND_ONLY',
  TL041: 'TL_DELETION_INVALID',
  TL042: 'TL_ROLE_NOT_FOUND',
};

/**
 * Runs `fn` and names the database errors that are Threadline's: those become a {@link ThreadlineError}
 * with the database's error as `cause`, all others pass as they are.
 */
export async function naming<T>(fn: () => Promise<T>): Promise<T> {
  try {
    return await fn();
  } catch (error) {
    throw named(error);
  }
}

function named(error: unknown): unknown {
  const { code, message, hint } = (typeof error === 'object' && error !== null ? error : {}) as Record<string, unknown>;
  const known = typeof code === 'string' ? CODES[code] : undefined;
  if (known === undefined) return error;
  return new ThreadlineError(known, [message, hint].filter((part) => typeof part === 'string').join('. '), {
    cause: error,
  });
}
