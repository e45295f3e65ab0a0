import type { IncomingMessage, ServerResponse } from 'node:http';
import { enterScope } from '../core/store.ts';
import { checkOptions, makeRequestScope, type RequestContextOptions, readIds } from './request-context.ts';
import { bindEvents } from './request-scope.ts';

declare global {
  namespace Express {
    // Empty here: what the application and its other middleware declare (user, session, …) merges into it.
    interface Request {}
  }
}

/** What is asked of a request: Express 4 and 5 have it, and every property declared on `Express.Request`. */
export interface ExpressRequest extends IncomingMessage, Express.Request {
  /** The client's address under the application's `trust proxy` setting. */
  readonly ip?: string | undefined;
  get(name: string): string | undefined;
}

/** The options of {@link threadline} for Express. */
export type ExpressThreadlineOptions<Request extends ExpressRequest = ExpressRequest> = RequestContextOptions<Request>;

/** A middleware as Express 4 and 5 take it. */
export type ExpressMiddleware<Request extends ExpressRequest = ExpressRequest> = (
  request: Request,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/**
 * Runs the rest of each request in an audit context: the actor, a correlation id (`x-correlation-id`,
 * else the trace id of `traceparent`, else generated; echoed in the response), a request id
 * (`x-request-id`, else generated) and `req.ip`. Mount it after what authenticates; body parsers may
 * come before or after it. Listeners of `req` and `res` run in the context as well. What calls `next`
 * from the socket of another service (a session store with callbacks) belongs before it, or is handed
 * `bindContext(next)`.
 *
 * What `actor` throws, and an invalid actor, goes to the error handlers; the route does not run.
 *
 * @throws ThreadlineError `TL_MIDDLEWARE_OPTIONS_INVALID`
 * @example app.use(threadline({ actor: (req) => (req.user ? actor.user(req.user.id) : undefined) }))
 */
export function threadline<Request extends ExpressRequest = ExpressRequest>(
  options: ExpressThreadlineOptions<Request>,
): ExpressMiddleware<Request> {
  const checked = checkOptions(options);
  return function threadlineMiddleware(request, response, next) {
    const ids = readIds(checked, { identity: request, header: (name) => request.headers[name] });
    if (checked.echoCorrelationId && !response.headersSent)
      response.setHeader(checked.correlationHeader, ids.correlationId);
    makeRequestScope(checked, request, { ...ids, remoteIp: request.ip }).then((scope) => {
      bindEvents(request, scope);
      bindEvents(response, scope);
      enterScope(scope, next);
    }, next);
  };
}
