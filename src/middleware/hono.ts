import type { Context, MiddlewareHandler } from 'hono';
import { enterScope } from '../core/store.ts';
import {
  checkOptions,
  functionSchema,
  makeRequestScope,
  type RequestContextOptions,
  readIds,
} from './request-context.ts';
import { setScopeOfRequest } from './request-scope.ts';

/** The options of {@link threadline} for Hono. */
export interface HonoThreadlineOptions extends RequestContextOptions<Context> {
  /**
   * The client's address. By default that of the socket where `@hono/node-server` runs the
   * application, and none elsewhere; behind a proxy that you trust, read the header that it sets.
   */
  readonly remoteIp?: ((context: Context) => string | undefined) | undefined;
}

/**
 * Runs the rest of each request in an audit context: the actor, a correlation id (`x-correlation-id`,
 * else the trace id of `traceparent`, else generated; echoed in the response), a request id
 * (`x-request-id`, else Hono's `requestId` variable, else generated) and the client's address.
 * Mount it after what authenticates. The streaming helpers of Hono write in the context; a `pull` of
 * a ReadableStream is called by the server, outside of it: wrap it in `bindContext`.
 *
 * What `actor` throws, and an invalid actor, goes to `app.onError`; the handler does not run.
 *
 * @throws ThreadlineError `TL_MIDDLEWARE_OPTIONS_INVALID`
 * @example app.use(threadline({ actor: (c) => (c.get('user') ? actor.user(c.get('user').id) : undefined) }))
 */
export function threadline(options: HonoThreadlineOptions): MiddlewareHandler {
  const { remoteIp = socketAddress, ...checked } = checkOptions(options, { remoteIp: functionSchema.optional() });
  return async function threadlineMiddleware(c, next) {
    const ids = readIds(checked, {
      identity: c,
      header: (name) => c.req.header(name),
      requestId: c.get('requestId'),
    });
    const echo = (): void => {
      if (checked.echoCorrelationId) c.header(checked.correlationHeader, ids.correlationId);
    };
    echo();
    const scope = await makeRequestScope(checked, c, { ...ids, remoteIp: remoteIp(c) });
    setScopeOfRequest(c, scope);
    await enterScope(scope, next);
    // A handler that returns a Response of its own drops the headers that were set before.
    if (c.finalized && !c.res.headers.has(checked.correlationHeader)) echo();
  };
}

function socketAddress(c: Context): string | undefined {
  const bindings: { readonly incoming?: { readonly socket?: { readonly remoteAddress?: string } } } | undefined = c.env;
  return bindings?.incoming?.socket?.remoteAddress;
}
