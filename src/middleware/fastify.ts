import type { FastifyPluginCallback, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { enterScope } from '../core/store.ts';
import { checkOptions, makeRequestScope, type RequestContextOptions, readIds } from './request-context.ts';
import { bindEvents } from './request-scope.ts';

/** The hooks of Fastify that the context can begin in. */
export const CONTEXT_HOOKS = ['onRequest', 'preValidation', 'preHandler'] as const;

/** The options of {@link threadline} for Fastify. */
export interface FastifyThreadlineOptions extends RequestContextOptions<FastifyRequest> {
  /**
   * The hook in which the actor is asked for and the context begins; default `onRequest`. A later one
   * suits routes that authenticate in hooks of their own (`onRequest: [fastify.authenticate]`).
   */
  readonly hook?: (typeof CONTEXT_HOOKS)[number] | undefined;
}

/**
 * Runs each request in an audit context: the actor, a correlation id (`x-correlation-id`, else the
 * trace id of `traceparent`, else generated; echoed in the response), a request id (`x-request-id`,
 * else `request.id`) and `request.ip`. Works for the instance that it is registered on and all below,
 * from its hook to `onResponse`. Register it after what authenticates in the same hook.
 *
 * What `actor` throws, and an invalid actor, goes to the error handler; the route does not run.
 *
 * @throws ThreadlineError `TL_MIDDLEWARE_OPTIONS_INVALID`
 * @example fastify.register(threadline({ actor: (request) => (request.user ? actor.user(request.user.id) : undefined) }))
 */
export function threadline(options: FastifyThreadlineOptions): FastifyPluginCallback {
  const { hook = 'onRequest', ...checked } = checkOptions(options, { hook: z.enum(CONTEXT_HOOKS).optional() });
  const plugin: FastifyPluginCallback = (fastify, _options, done) => {
    // In callback style: an async hook would leave the scope again before the next hook.
    fastify.addHook(hook as 'onRequest', (request, reply, next) => {
      const ids = readIds(checked, {
        identity: request.raw,
        header: (name) => request.headers[name],
        requestId: request.id,
      });
      if (checked.echoCorrelationId) reply.header(checked.correlationHeader, ids.correlationId);
      makeRequestScope(checked, request, { ...ids, remoteIp: request.ip }).then((scope) => {
        bindEvents(request.raw, scope);
        bindEvents(reply.raw, scope);
        enterScope(scope, next);
      }, next);
    });
    done();
  };
  return Object.assign(plugin, {
    // Without it the hook would hold only inside of the plugin itself.
    [Symbol.for('skip-override')]: true,
    [Symbol.for('fastify.display-name')]: 'threadline',
    [Symbol.for('plugin-meta')]: { name: 'threadline', fastify: '>=5' },
  });
}
