import { isIP } from 'node:net';
import { z } from 'zod';
import type { ActorRef } from '../core/actor.ts';
import { type JsonObject, makeScope, type Scope } from '../core/context.ts';
import { isSafeCorrelationId, newCorrelationId, traceIdOf } from '../core/correlation.ts';
import { ThreadlineError } from '../core/errors.ts';
import { parseAtEdge } from '../core/validation.ts';
import { scopeOfRequest } from './request-scope.ts';

/** What an `actor` function may answer: who it is, or nothing where nobody is known. */
export type RequestActor = ActorRef | null | undefined;

/** The options that `threadline(options)` takes under every framework. */
export interface RequestContextOptions<Request> {
  /**
   * Who sends the request. `undefined` and `null` mean that nobody is known: the context then has no
   * actor. Where "nobody" is to be on record as such, return `actor.anonymous()`. What the function
   * throws goes to the framework's error handling, and so does an invalid actor; the handler does not run.
   */
  readonly actor: (request: Request) => RequestActor | PromiseLike<RequestActor>;
  /** Through what the work came in; default `http`. */
  readonly source?: string | undefined;
  /** More to record with each request: any JSON object, kept small. */
  readonly meta?: ((request: Request) => JsonObject | undefined) | undefined;
  /** The header that a correlation id is read from and echoed in; default `x-correlation-id`. */
  readonly correlationHeader?: string | undefined;
  /** The header that a request id is read from; default `x-request-id`. */
  readonly requestIdHeader?: string | undefined;
  /** Whether the response carries the correlation id, in `correlationHeader`; default `true`. */
  readonly echoCorrelationId?: boolean | undefined;
}

/** The ids of a request, each 1 to 128 safe characters. */
export interface RequestIds {
  readonly correlationId: string;
  readonly requestId: string;
}

type Defaulted = 'source' | 'correlationHeader' | 'requestIdHeader' | 'echoCorrelationId';

/** Options whose defaults are filled in; header names are in lower case. */
export type CheckedOptions<Options extends RequestContextOptions<never>> = Omit<Options, Defaulted> & {
  readonly [Name in Defaulted]: NonNullable<Options[Name]>;
};

/** The zod schema of an option that is a function. */
export const functionSchema: z.ZodType<(...args: never[]) => unknown> = z.custom<(...args: never[]) => unknown>(
  (value) => typeof value === 'function',
  'must be a function',
);

const headerNameSchema = z
  .string()
  .regex(/^[\w!#$%&'*+.^`|~-]+$/, 'must be the name of a header')
  .toLowerCase();

const SHAPE = {
  actor: functionSchema,
  source: z
    .string()
    .regex(/^\P{Cc}{1,255}$/u, 'must be a text of 1 to 255 characters without control characters')
    .default('http'),
  meta: functionSchema.optional(),
  correlationHeader: headerNameSchema.default('x-correlation-id'),
  requestIdHeader: headerNameSchema.default('x-request-id'),
  echoCorrelationId: z.boolean().default(true),
};

/**
 * Checks the options of a middleware, once, when it is made. `ownShape` holds what one framework
 * takes besides.
 *
 * @throws ThreadlineError `TL_MIDDLEWARE_OPTIONS_INVALID`, which names what is unknown or wrong
 */
export function checkOptions<Options extends RequestContextOptions<never>>(
  options: Options,
  ownShape: z.ZodRawShape = {},
): CheckedOptions<Options> {
  const schema: z.ZodType<unknown> = z.strictObject({ ...SHAPE, ...ownShape });
  return parseAtEdge(
    schema,
    options,
    'TL_MIDDLEWARE_OPTIONS_INVALID',
    'Invalid options of threadline({ actor: (request) => … })',
  ) as CheckedOptions<Options>;
}

/** What a framework says about a request that is to get its ids. */
export interface IncomingRequest {
  /** The object that stands for this request in every middleware that it passes. */
  readonly identity: object;
  /** The value of a header by its name in lower case. */
  readonly header: (name: string) => unknown;
  /** The framework's own id of the request, where it has one. */
  readonly requestId?: unknown;
}

/**
 * The ids of a request. Of what the client sends, only what is short and of a safe charset is taken
 * over; a header that is repeated arrives joined by commas and is refused as well. Under a second
 * middleware a request keeps the ids that the first one generated.
 */
export function readIds(
  options: { readonly correlationHeader: string; readonly requestIdHeader: string },
  { identity, header, requestId }: IncomingRequest,
): RequestIds {
  const earlier = scopeOfRequest(identity)?.context;
  return {
    correlationId: firstSafe(
      header(options.correlationHeader),
      traceIdOf(header('traceparent')),
      earlier?.correlationId,
    ),
    requestId: firstSafe(header(options.requestIdHeader), requestId, earlier?.requestId),
  };
}

function firstSafe(...candidates: readonly unknown[]): string {
  return candidates.find(isSafeCorrelationId) ?? newCorrelationId();
}

/**
 * Makes the scope that the rest of a request runs in. `remoteIp` is kept if it is an IP address:
 * behind a trusting proxy setting it is text that the client chose.
 *
 * @throws what `actor` or `meta` throws; ThreadlineError for an invalid actor or meta, and
 * `TL_REQUEST_CONTEXT_FAILED` in the place of a thrown value that is no object
 */
export async function makeRequestScope<Request>(
  options: Pick<CheckedOptions<RequestContextOptions<Request>>, 'actor' | 'source' | 'meta'>,
  request: Request,
  { remoteIp, ...ids }: RequestIds & { readonly remoteIp: unknown },
): Promise<Scope> {
  try {
    const actor = await options.actor(request);
    return makeScope({
      ...ids,
      actor: actor ?? undefined,
      source: options.source,
      remoteIp: typeof remoteIp === 'string' && isIP(remoteIp) !== 0 ? remoteIp : undefined,
      meta: options.meta?.(request),
    });
  } catch (cause) {
    if (typeof cause === 'object' && cause !== null) throw cause;
    // Express and Fastify run the handler when the error is undefined, and Express takes 'route' and 'router' as orders.
    throw new ThreadlineError(
      'TL_REQUEST_CONTEXT_FAILED',
      'The actor or meta function threw a value that is no Error; it is the cause of this one',
      { cause },
    );
  }
}
