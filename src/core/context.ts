import { z } from 'zod';
import { type ActorRef, actorRefSchema } from './actor.ts';
import { MAX_CORRELATION_ID_LENGTH } from './correlation.ts';
import { ThreadlineError } from './errors.ts';
import { parseAtEdge } from './validation.ts';
import { MAX_SETTINGS_BYTES, type Settings, writeSettings } from './wire.ts';

/** A value that JSON can hold. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };
/** An object that JSON can hold. */
export type JsonObject = { readonly [key: string]: JsonValue };

/**
 * What a request or a job carries. Immutable; every field is optional.
 *
 * `correlationId` ties work across processes (1 to 128 characters), `requestId` and `jobId` name
 * the one request or job, `source` says through what (`http`, `queue`, …), `remoteIp` is the
 * client's address as text, `meta` is any JSON object. All in all at most 8 KiB as JSON.
 */
export interface AuditContext {
  readonly actor?: ActorRef;
  readonly correlationId?: string;
  readonly requestId?: string;
  readonly jobId?: string;
  readonly source?: string;
  readonly remoteIp?: string;
  readonly meta?: JsonObject;
}

/** What may be given where a context is made: as {@link AuditContext}, absent fields may be `undefined`. */
export type AuditContextInput = { readonly [Field in keyof AuditContext]?: AuditContext[Field] | undefined };

/** The names of the fields of an {@link AuditContext}. */
export const CONTEXT_FIELDS = ['actor', 'correlationId', 'requestId', 'jobId', 'source', 'remoteIp', 'meta'] as const;

/** A context together with its text on the wire: what the store holds. Made once, frozen for good. */
export interface Scope {
  readonly context: AuditContext;
  readonly settings: Settings;
}

const text = (maximum: number): z.ZodOptional<z.ZodString> =>
  z
    .string()
    .min(1, 'must not be empty')
    .max(maximum, `must have at most ${maximum} characters`)
    .refine(
      (value) => !/\p{Cc}/u.test(value) && value.isWellFormed(),
      'must not hold control characters or broken surrogates',
    )
    .optional();

const metaSchema = z
  .custom<JsonObject>((value) => {
    if (typeof value !== 'object' || value === null) return false;
    const prototype: unknown = Object.getPrototypeOf(value);
    // Each realm has an Object.prototype of its own: what is cloned or received under Jest has another than the code.
    return prototype === null || Object.getPrototypeOf(prototype) === null;
  }, 'must be a plain object')
  .optional();

/** The zod schema of what may be given where a context is made. */
export const auditContextSchema: z.ZodType<AuditContextInput> = z.strictObject({
  actor: actorRefSchema.optional(),
  correlationId: text(MAX_CORRELATION_ID_LENGTH),
  requestId: text(255),
  jobId: text(255),
  source: text(255),
  remoteIp: text(255),
  meta: metaSchema,
});

/**
 * Checks a context, freezes it and writes its text for the wire.
 *
 * In `meta`, U+0000 and halves of surrogate pairs become U+FFFD: PostgreSQL could not store them,
 * and a header with one must not make a write fail.
 *
 * @throws ThreadlineError `TL_CONTEXT_INVALID`, `TL_CONTEXT_META_INVALID`, `TL_CONTEXT_TOO_LARGE` or `TL_ACTOR_…`
 */
export function makeScope(input: AuditContextInput): Scope {
  const parsed = parseAtEdge(auditContextSchema, input, 'TL_CONTEXT_INVALID', 'Invalid context');
  const context = Object.freeze({
    ...present(parsed),
    ...(parsed.meta === undefined ? {} : { meta: cleanMeta(parsed.meta) }),
  });
  const settings = writeSettings(context.actor, {
    correlation_id: context.correlationId,
    request_id: context.requestId,
    job_id: context.jobId,
    source: context.source,
    remote_ip: context.remoteIp,
    meta: context.meta,
  });
  const bytes = settings.actorRef.length + settings.context.length;
  if (bytes > MAX_SETTINGS_BYTES)
    throw new ThreadlineError(
      'TL_CONTEXT_TOO_LARGE',
      `The context takes ${bytes} bytes as JSON; the limit is ${MAX_SETTINGS_BYTES}. Keep references in meta, not documents.`,
    );
  return Object.freeze({ context, settings });
}

function present(input: AuditContextInput): AuditContext {
  return Object.fromEntries(
    CONTEXT_FIELDS.filter((field) => input[field] !== undefined).map((field) => [field, input[field]]),
  );
}

function cleanMeta(meta: JsonObject): JsonObject {
  let copy: unknown;
  try {
    copy = JSON.parse(JSON.stringify(meta), (_key, value: unknown) => {
      if (typeof value === 'string') return cleanText(value);
      return typeof value === 'object' && value !== null ? Object.freeze(cleanKeys(value)) : value;
    });
  } catch (cause) {
    throw new ThreadlineError('TL_CONTEXT_META_INVALID', 'meta must be plain JSON: no cycles, no bigint', { cause });
  }
  // A toJSON of its own may have made anything of it.
  if (typeof copy !== 'object' || copy === null || Array.isArray(copy))
    throw new ThreadlineError('TL_CONTEXT_META_INVALID', 'meta must be a plain object once written as JSON');
  return copy as JsonObject;
}

function cleanKeys(value: object): object {
  if (Array.isArray(value) || Object.keys(value).every((key) => key === cleanText(key))) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [cleanText(key), member]));
}

function cleanText(value: string): string {
  return value.toWellFormed().replaceAll('\u0000', '\ufffd');
}
