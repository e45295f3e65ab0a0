import { z } from 'zod';
import { type AuditContextInput, auditContextSchema } from './context.ts';
import { ThreadlineError } from './errors.ts';
import { currentContext, runWithContext } from './store.ts';
import { parseAtEdge } from './validation.ts';
import { MAX_SETTINGS_BYTES } from './wire.ts';

const VERSION = 1;
// Field names on this wire are longer by little than on the database's; twice the bound is roomy and still a bound.
const MAX_LENGTH = 2 * MAX_SETTINGS_BYTES;

const envelopeSchema: z.ZodType<{ readonly v: number; readonly context: AuditContextInput }> = z.strictObject({
  v: z.literal(VERSION, `must be ${VERSION}; update the process that reads it`),
  context: auditContextSchema,
});

/**
 * The current context as text, to travel with a job, a message or to a worker. At most 16 KiB,
 * versioned; outside of any context it is the text of an empty one.
 *
 * @example await queue.add('resize', { image, audit: serializeContext() })
 */
export function serializeContext(): string {
  return JSON.stringify({ v: VERSION, context: currentContext() ?? {} });
}

/**
 * Runs `fn` in the context that {@link serializeContext} wrote. The text is validated like any
 * other input, since others may be able to write to the queue that it came from.
 *
 * @throws ThreadlineError `TL_SERIALIZED_CONTEXT_INVALID` or `TL_ACTOR_…`, before `fn` is called
 * @example await runWithSerializedContext(job.data.audit, () => resize(job.data.image))
 */
export function runWithSerializedContext<T>(text: string, fn: () => PromiseLike<T>): Promise<T>;
export function runWithSerializedContext<T>(text: string, fn: () => T): T;
export function runWithSerializedContext<T>(text: string, fn: () => T): T {
  const { context } = parseAtEdge(
    envelopeSchema,
    readJson(text),
    'TL_SERIALIZED_CONTEXT_INVALID',
    'Invalid serialized context',
  );
  return runWithContext(context, fn);
}

function readJson(text: unknown): unknown {
  if (typeof text !== 'string' || text.length > MAX_LENGTH)
    throw new ThreadlineError(
      'TL_SERIALIZED_CONTEXT_INVALID',
      `A serialized context is a string of at most ${MAX_LENGTH} characters, as serializeContext() returns it`,
    );
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ThreadlineError(
      'TL_SERIALIZED_CONTEXT_INVALID',
      'A serialized context is JSON, as serializeContext() returns it',
      { cause },
    );
  }
}
