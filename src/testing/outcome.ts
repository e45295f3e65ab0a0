/** How a call ended: with a result or with an error. */
export interface Outcome {
  readonly result?: unknown;
  readonly error?: Error;
}

/** Waits for `call` and keeps what became of it; it never rejects. */
export async function outcome(call: () => PromiseLike<unknown>): Promise<Outcome> {
  try {
    return { result: await call() };
  } catch (error) {
    return { error: error as Error };
  }
}

// What differs between any two results or errors of the same statement.
const VARYING = new Set([
  'stack',
  'originalStack',
  'processID',
  'connectionId',
  'transactionId',
  'queryId',
  'poolId',
  'duration',
]);
const DEPTH = 6;

/**
 * What two values have to share to count as the same: classes and fields, of errors also the
 * message and what caused them. Two copies of a driver are as good as one.
 */
export function describeValue(value: unknown, depth: number = DEPTH): unknown {
  if (typeof value === 'function') return `function ${value.name}`;
  if (typeof value !== 'object' || value === null) return value;
  if (depth === 0) return '…';
  if (value instanceof Date || value instanceof Uint8Array) return [value.constructor.name, JSON.stringify(value)];
  if (Array.isArray(value) && Object.keys(value).length === value.length)
    return value.map((member) => describeValue(member, depth - 1));
  const names = value instanceof Error ? ['message', 'cause', ...Object.keys(value)] : Object.keys(value);
  const fields = [...new Set(names)].filter((name) => !VARYING.has(name) && !name.startsWith('__knex'));
  return {
    class: value.constructor?.name,
    fields: Object.fromEntries(fields.map((name) => [name, describeValue(Reflect.get(value, name), depth - 1)])),
  };
}
