export { ACTOR_TYPES, type ActorRef, type ActorType, actor, parseActor } from './core/actor.ts';
export type { AuditContext, AuditContextInput, JsonObject, JsonValue } from './core/context.ts';
export { isThreadlineError, ThreadlineError, type ThreadlineErrorCode } from './core/errors.ts';
export type { Database } from './core/executor.ts';
export { type JobOptions, runWithSerializedContext, serializeContext } from './core/serialization.ts';
export { bindContext, currentActor, currentContext, runDetached, runWithActor, runWithContext } from './core/store.ts';
export * from './query/index.ts';
export * from './sql/index.ts';
