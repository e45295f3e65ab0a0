import type { KnownChange } from './known-changes.ts';
import type { PlannedRequest } from './traffic.ts';

/** Sends one request over HTTP. Resolves to what it has changed, under the correlation id that the answer carries. */
export async function send(url: string, request: PlannedRequest): Promise<readonly KnownChange[]> {
  const { method, path, body, token, correlationId, status, actor, effects } = request;
  const response = await fetch(`${url}${path}`, {
    method,
    body: body === undefined ? null : JSON.stringify(body),
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      ...(correlationId === undefined ? {} : { 'x-correlation-id': correlationId }),
    },
  });
  const text = await response.text();
  if (response.status !== status) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  const echoed = response.headers.get('x-correlation-id') ?? 'none';
  return effects.map((effect) => ({ ...effect, actor, correlationId: echoed }));
}
