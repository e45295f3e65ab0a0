import { type ActorRef, actor } from '../../src/index.ts';

/** Whom the atlas knows, by bearer token. A real application asks its sessions or its identity provider. */
const ACCOUNTS: ReadonlyMap<string, ActorRef> = new Map([
  ...['ana', 'ben', 'chidi', 'dana', 'emeka', 'fatima', 'goran', 'hana'].map(
    (name) => [`${name}-token`, actor.user(name)] as const,
  ),
  ['grace-token', actor.admin('grace')],
  ['reforms-token', actor.serviceAccount('reforms')],
]);

/** The account that an `Authorization` header stands for. */
export function accountOf(authorization: string | undefined): ActorRef | undefined {
  return ACCOUNTS.get(authorization?.replace(/^Bearer /, '') ?? '');
}
