export { type Installation, install, installSql, SCHEMA_VERSION } from './install.ts';
export type { InstallOptions } from './options.ts';
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
export { installTriggers, triggersSql, uninstallTriggers, uninstallTriggersSql } from './triggers.ts';
