import type { Carriage } from './carriage.ts';
import type { Connection, Submittable } from './driver.ts';
import { override } from './override.ts';

/** How to go on once the server has answered the settings. */
export interface Answer {
  readonly connection: Connection;
  readonly carriage: Carriage;
  /** The query's own name, which is hidden until the answer is in. */
  readonly name: unknown;
  /** Whether the query sends no Sync of its own, so that one is needed where the server refuses the settings. */
  readonly withoutSync: boolean;
}

/** Keeps the answer to the settings from a query, and lets it fail with the cause where the server refuses them. */
export function swallowAnswer(query: Submittable, { connection, carriage, name, withoutSync }: Answer): void {
  const { takeRow } = carriage;
  const restoreAll = (isApplied: boolean) => {
    carriage.answered?.(isApplied);
    restoreError();
    restoreComplete();
    restoreRow?.();
    if (name) query.name = name;
  };
  const restoreRow = takeRow && override(query, 'handleDataRow', () => (row) => takeRow(Object(row).fields));
  const restoreComplete = override(query, 'handleCommandComplete', () => () => restoreAll(true));
  const restoreError = override(query, 'handleError', (handleError) => (error, ...rest) => {
    // A time-out or a lost connection; the answer to the settings may still come.
    if (!isServerError(error)) return handleError(error, ...rest);
    restoreAll(false);
    if (typeof name === 'string') delete connection.submittedNamedStatements?.[name];
    if (withoutSync) connection.sync();
    return handleError(error, ...rest);
  });
}

/** Whether an error is an ErrorResponse of the server's. */
function isServerError(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'severity' in error;
}
