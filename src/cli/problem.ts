import { isThreadlineError, type ThreadlineErrorCode } from '../core/errors.ts';
import { printable } from './printable.ts';

// Errors of what was asked for, not of the work.
const MISUSE: ReadonlySet<ThreadlineErrorCode> = new Set([
  'TL_CLI_USAGE',
  'TL_CLI_DATABASE_URL',
  'TL_CLI_DRIVER_MISSING',
  'TL_CLI_FILE_DIFFERS',
  'TL_FILTER_INVALID',
  'TL_IDENTIFIER_INVALID',
  'TL_INSTALL_OPTIONS_INVALID',
  'TL_KEY_MISMATCH',
  'TL_KEY_INVALID',
]);

/** What to tell about an error, and the exit code that it calls for. No stack: it says nothing to a user. */
export function describeProblem(error: unknown): { readonly problem: string; readonly exitCode: 1 | 2 } {
  if (isThreadlineError(error)) {
    const isMisuse = MISUSE.has(error.code) || error.code.startsWith('TL_ACTOR_');
    return { problem: `${error.code}: ${printable(error.message)}\n`, exitCode: isMisuse ? 2 : 1 };
  }
  const { code, message, hint } = (typeof error === 'object' && error !== null ? error : {}) as Record<string, unknown>;
  const parts = [code, message, hint].filter((part) => typeof part === 'string' && part !== '');
  return { problem: `${printable(parts.length > 0 ? parts.join(': ') : String(error))}\n`, exitCode: 1 };
}
