export { type Installation, install, installSql, SCHEMA_VERSION } from './install.ts';
export type { Notice } from './notices.ts';
export type { InstallOptions, SchemaOptions } from './options.ts';
export {
  type CaptureOptions,
  IMAGES,
  MISSING_ACTOR_POLICIES,
  NOOP_POLICIES,
  type TableListOptions,
  type TableWithOptions,
  TRUNCATE_POLICIES,
  type TriggerOptions,
} from './table-options.ts';
export {
  type InstalledTriggers,
  installTriggers,
  triggersSql,
  uninstallTriggers,
  uninstallTriggersSql,
} from './triggers.ts';
export { type Finding, type Verification, type VerifiedTable, type VerifyOptions, verify } from './verify.ts';
