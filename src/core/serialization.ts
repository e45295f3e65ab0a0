import { z } from 'zod';
import { type ActorRef, actorRefSchema } from './actor.ts';
import { type AuditContextInput, auditContextSchema, type JsonValue } from './context.ts';
import { newCorrelationId } from './correlation.ts';
import { ThreadlineError } from './errors.ts';
import { currentContext, runWithContext } from './store.ts';
import { parseAtEdge } from './validation.ts';
import { MAX_SETTINGS_BYTES } from './wire.ts';

const VERSION = 1;
// Field names on this wire are longer by little than on the database's; twice the bound is roomy and still a bound.
const MAX_LENGTH = 2 * MAX_SETTINGS_BYTES;

// Where a job keeps who enqueued it, within meta.
const ENQUEUED_BY = 'enqueued_by';

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

/** What a worker knows of the job that it runs. */
export interface JobOptions {
  /** Who the job is, an actor of type `job`; default: it runs as whoever enqueued it. */
  readonly actor?: ActorRef | undefined;
  /** The queue's id of this job. An id in the text is never kept: it is that of the job that enqueued this one. */
  readonly jobId?: string | undefined;
  /** Through what the job came (`queue`, a name of your own); default: that of the text. */
  readonly source?: string | undefined;
}

const jobOptionsSchema: z.ZodType<JobOptions> = z.strictObject({
  actor: actorRefSchema
    .refine(({ type }) => type === 'job', 'must be of type job; make it with actor.job(id)')
    .optional(),
  jobId: z.string().optional(),
  source: z.string().optional(),
});

/**
 * Runs `fn` in the context that {@link serializeContext} wrote. The text is validated like any
 * other input, since others may be able to write to the queue that it came from.
 *
 * Without options it runs as whoever enqueued it. With `actor` it runs as that job: who enqueued it
 * is kept as an ActorRef in `meta.enqueued_by`, also when the job enqueues further ones, which all
 * name the first who was no job. Correlation id, request id and address are kept; where the text has no
 * correlation id and there are options, a new one begins. All of it has to fit into the 8 KiB of a context.
 *
 * @throws ThreadlineError `TL_SERIALIZED_CONTEXT_INVALID`, `TL_JOB_OPTIONS_INVALID`, `TL_CONTEXT_…` or `TL_ACTOR_…`, before `fn` is called
 * @example
 * await runWithSerializedContext(job.data.audit, () => resize(job.data.image), {
 *   actor: actor.job('resize'),
 *   jobId: job.id,
 * })
 */
export function runWithSerializedContext<T>(text: string, fn: () => PromiseLike<T>, options?: JobOptions): Promise<T>;
export function runWithSerializedContext<T>(text: string, fn: () => T, options?: JobOptions): T;
export function runWithSerializedContext<T>(text: string, fn: () => T, options?: JobOptions): T {
  const { context } = parseAtEdge(
    envelopeSchema,
    readJson(text),
    'TL_SERIALIZED_CONTEXT_INVALID',
    'Invalid serialized context',
  );
  return runWithContext(options === undefined ? context : contextOfJob(context, options), fn);
}

function contextOfJob(context: AuditContextInput, options: JobOptions): AuditContextInput {
  const { actor, jobId, source } = parseAtEdge(
    jobOptionsSchema,
    options,
    'TL_JOB_OPTIONS_INVALID',
    'Invalid options of a job',
  );
  const shared = {
    ...context,
    correlationId: context.correlationId ?? newCorrelationId(),
    jobId,
    source: source ?? context.source,
  };
  return actor === undefined ? shared : { ...shared, actor, meta: metaOfJob(context) };
}

/** The meta of the text with who enqueued the job, and with nothing under that name where nobody did. */
function metaOfJob(context: AuditContextInput): AuditContextInput['meta'] {
  const { [ENQUEUED_BY]: inherited, ...meta } = context.meta ?? {};
  const by = context.actor === undefined ? undefined : enqueuer(context.actor, inherited);
  if (by !== undefined) return { ...meta, [ENQUEUED_BY]: by };
  return context.meta === undefined ? undefined : meta;
}

/** Only a job hands on who it works for: whoever else enqueues does so in their own name, whatever meta says. */
function enqueuer(actor: ActorRef, inherited: JsonValue | undefined): ActorRef {
  if (actor.type !== 'job' || inherited === undefined) return actor;
  return parseAtEdge(actorRefSchema, inherited, 'TL_ACTOR_INVALID', 'Invalid meta.enqueued_by of a serialized context');
}

function readJson(text: unknown): unknown {
  if (text === undefined || text === null)
    throw new ThreadlineError(
      'TL_SERIALIZED_CONTEXT_INVALID',
      'There is no serialized context. A job that may come without one runs in runWithContext({ actor, jobId }, fn)',
    );
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
