import { z } from 'zod';
import type { ThreadlineErrorCode } from './errors.ts';
import { parseAtEdge } from './validation.ts';

/** The kinds of actor, in the order in which the documentation lists them. */
export const ACTOR_TYPES = ['user', 'admin', 'service_account', 'job', 'system', 'anonymous'] as const;

/** One of `user`, `admin`, `service_account`, `job`, `system`, `anonymous`. */
export type ActorType = (typeof ACTOR_TYPES)[number];

/** The longest actor id, in characters (code points, as PostgreSQL counts them). */
export const MAX_ACTOR_ID_LENGTH = 255;

/** Who did something: a type and, for every type but `anonymous`, an id of 1 to 255 characters. */
export type ActorRef =
  | { readonly type: Exclude<ActorType, 'anonymous'>; readonly id: string }
  | { readonly type: 'anonymous' };

type Refusal = readonly [code: ThreadlineErrorCode, message: string];

function refusalOfId(id: unknown): Refusal | undefined {
  if (id === undefined || id === null)
    return ['TL_ACTOR_ID_MISSING', 'id is missing; only an anonymous actor has none'];
  if (typeof id !== 'string')
    return ['TL_ACTOR_ID_NOT_STRING', `id must be a string, got ${typeof id}; convert it with String(id)`];
  if (id === '') return ['TL_ACTOR_ID_EMPTY', 'id is empty; use actor.anonymous() where nobody is known'];
  if (id.length > MAX_ACTOR_ID_LENGTH && [...id].length > MAX_ACTOR_ID_LENGTH)
    return ['TL_ACTOR_ID_TOO_LONG', `id is longer than ${MAX_ACTOR_ID_LENGTH} characters`];
  if (/\p{Cc}/u.test(id)) return ['TL_ACTOR_ID_CONTROL_CHARACTER', 'id holds a control character'];
  if (!id.isWellFormed()) return ['TL_ACTOR_ID_MALFORMED', 'id holds half of a surrogate pair'];
  return undefined;
}

function refusalOfActor(value: unknown): Refusal | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return ['TL_ACTOR_INVALID', 'an actor is an object { type, id }; make one with actor.user(id)'];
  const { type, id, ...rest } = value as Record<string, unknown>;
  if (!ACTOR_TYPES.some((known) => known === type))
    return ['TL_ACTOR_TYPE_UNKNOWN', `type must be one of ${ACTOR_TYPES.join(', ')}`];
  const unknown = Object.keys(rest);
  if (unknown.length > 0)
    return ['TL_ACTOR_INVALID', `an actor has only type and id; put ${unknown.join(', ')} into meta`];
  if (type !== 'anonymous') return refusalOfId(id);
  return id === undefined || id === null ? undefined : ['TL_ACTOR_ID_UNEXPECTED', 'an anonymous actor has no id'];
}

/** The zod schema of an {@link ActorRef}, for use in schemas of one's own. */
export const actorRefSchema: z.ZodType<ActorRef> = z
  .custom<ActorRef>()
  .superRefine((value: unknown, check) => {
    const refusal = refusalOfActor(value);
    if (refusal) check.addIssue({ code: 'custom', params: { code: refusal[0] }, message: refusal[1] });
  })
  .transform(freeze);

/** Actors that were made here: they need no second look. */
const known = new WeakSet<object>();

function freeze(value: ActorRef): ActorRef {
  const actor: ActorRef = value.type === 'anonymous' ? { type: value.type } : { type: value.type, id: value.id };
  known.add(Object.freeze(actor));
  return actor;
}

/**
 * Turns an unknown value into an {@link ActorRef}, or refuses it.
 *
 * @throws ThreadlineError with one of the `TL_ACTOR_…` codes
 * @example parseActor({ type: 'user', id: '42' })
 */
export function parseActor(value: unknown): ActorRef {
  if (typeof value === 'object' && value !== null && known.has(value)) return value as ActorRef;
  return parseAtEdge(actorRefSchema, value, 'TL_ACTOR_INVALID', 'Invalid actor');
}

const make =
  (type: Exclude<ActorType, 'anonymous'>) =>
  (id: string): ActorRef =>
    parseActor({ type, id });

const ANONYMOUS = parseActor({ type: 'anonymous' });

/**
 * Makes actors. Each function checks its id (1 to 255 characters, no control characters) and
 * throws a {@link ThreadlineError} with a `TL_ACTOR_ID_…` code otherwise.
 *
 * @example runWithActor(actor.user('42'), () => pool.query('update users set name = $1', ['Ada']))
 */
export const actor: {
  readonly user: (id: string) => ActorRef;
  readonly admin: (id: string) => ActorRef;
  readonly serviceAccount: (id: string) => ActorRef;
  readonly job: (id: string) => ActorRef;
  readonly system: (id: string) => ActorRef;
  readonly anonymous: () => ActorRef;
} = Object.freeze({
  user: make('user'),
  admin: make('admin'),
  serviceAccount: make('service_account'),
  job: make('job'),
  system: make('system'),
  anonymous: () => ANONYMOUS,
});
