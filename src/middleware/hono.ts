import { EventEmitter } from 'node:events';
import type { Context, MiddlewareHandler } from 'hono';
import type { Scope } from '../core/context.ts';
import { enterScope } from '../core/store.ts';
import {
  checkOptions,
  functionSchema,
  makeRequestScope,
  type RequestContextOptions,
  readIds,
} from './request-context.ts';
import { bindEvents, setScopeOfRequest } from './request-scope.ts';

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
 * Mount it after what authenticates. The streaming helpers of Hono write in the context, and their `onAbort`
 * and the request's signal are called in it; a `pull` of a ReadableStream is called by the server and the
 * events of a WebSocket by its socket, outside of it: wrap them in `bindContext`.
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
    bindNodeEvents(c, scope);
    await enterScope(scope, next);
    // A handler that returns a Response of its own drops the headers that were set before.
    if (c.finalized && !c.res.headers.has(checked.correlationHeader)) echo();
  };
}

/** What `@hono/node-server` hands on of node's own request and response. */
interface NodeBindings {
  readonly incoming?: { readonly socket?: { readonly remoteAddress?: string } };
  readonly outgoing?: unknown;
}

/** When the client goes away, `onAbort` and the signal of the request are called out of these events. */
function bindNodeEvents(c: Context, scope: Scope): void {
  const bindings: NodeBindings | undefined = c.env;
  for (const emitter of [bindings?.incoming, bindings?.outgoing])
    if (emitter instanceof EventEmitter) bindEvents(emitter, scope);
}

function socketAddress(c: Context): string | undefined {
  const bindings: NodeBindings | undefined = c.env;
  return bindings?.incoming?.socket?.remoteAddress;
}
