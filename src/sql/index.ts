export { type Installation, install, installSql, SCHEMA_VERSION } from './install.ts';
export type { InstallOptions, TableOptions } from './options.ts';
export { installTriggers, triggersSql, uninstallTriggers, uninstallTriggersSql } from './triggers.ts';
