import { randomUUID } from 'node:crypto';

/** The longest correlation or request id that is accepted, in characters. */
export const MAX_CORRELATION_ID_LENGTH = 128;

const SAFE = /^[A-Za-z0-9][A-Za-z0-9._:/+=@~-]*$/;

/** A new random correlation id (a UUID). */
export function newCorrelationId(): string {
  return randomUUID();
}

/**
 * Whether an id that came from outside may be taken over: 1 to 128 characters out of letters,
 * digits and `. _ : / + = @ ~ -`, beginning with a letter or a digit.
 */
export function isSafeCorrelationId(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_CORRELATION_ID_LENGTH && SAFE.test(value);
}

/**
 * The trace id out of a W3C `traceparent` header, or undefined where the header is malformed, of
 * the forbidden version `ff`, or carries the invalid all-zero trace or span id.
 *
 * @example traceIdOf('00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01')
 */
export function traceIdOf(traceparent: unknown): string | undefined {
  if (typeof traceparent !== 'string') return undefined;
  // A version 00 with anything behind it is malformed; a later version may carry more.
  const match = /^(?!ff|00.{54})[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:$|-)/.exec(
    traceparent,
  );
  return match?.[1];
}
