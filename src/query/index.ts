export { type ActorHistoryOptions, actorHistory } from './actor-history.ts';
export {
  CHANGE_OPS,
  type Change,
  type ChangeAction,
  type ChangeOp,
  type ChangeTransaction,
  type ColumnValues,
} from './change.ts';
export type { TimelineFilters } from './filters.ts';
export { type HistoryOptions, history } from './history.ts';
export type { PageOptions } from './page.ts';
export { type ActionOptions, type RecordedAction, recordAction } from './record-action.ts';
export type { KeyValue, RowKey } from './row-key.ts';
export type { TableReference } from './table-reference.ts';
export { timeline } from './timeline.ts';
