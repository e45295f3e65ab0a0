import { types } from 'node:util';
import { z } from 'zod';
import { ERROR_CODES, ThreadlineError, type ThreadlineErrorCode } from './errors.ts';

/** Whether a value is a Date, of whichever realm: under Jest those of Node itself, and cloned ones, are of another. */
export function isDate(value: unknown): value is Date {
  return types.isDate(value);
}

/** The zod schema of a Date that is a moment. */
export const dateSchema: z.ZodType<Date> = z.custom<Date>((value) => isDate(value) && !Number.isNaN(value.getTime()));

/**
 * Parses `value` at an edge of the package and turns zod's issues into one {@link ThreadlineError}.
 *
 * A schema may name the exact error with `params: { code }` on a custom issue; otherwise `fallback`
 * is the code. The message lists every issue with its path, never the offending value.
 */
export function parseAtEdge<T>(
  schema: z.ZodType<T>,
  value: unknown,
  fallback: ThreadlineErrorCode,
  subject: string,
): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issues = result.error.issues;
  const code = issues.map(codeOfIssue).find((found) => found !== undefined) ?? fallback;
  throw new ThreadlineError(code, `${subject}: ${issues.map(describeIssue).join('; ')}`);
}

function codeOfIssue(issue: z.core.$ZodIssue): ThreadlineErrorCode | undefined {
  if (issue.code !== 'custom') return undefined;
  const code: unknown = issue.params?.['code'];
  return typeof code === 'string' && code in ERROR_CODES ? (code as ThreadlineErrorCode) : undefined;
}

function describeIssue(issue: z.core.$ZodIssue): string {
  const path = issue.path.map(String).join('.');
  return path === '' ? issue.message : `${path}: ${issue.message}`;
}
