import type { Change } from '../query/index.ts';
import { type TextColumn, textTable } from './text-table.ts';

/** How to print changes. */
export interface PrintOptions {
  readonly asJson: boolean;
  readonly columns: readonly TextColumn<Change>[];
  /** How many were asked for: where so many came, there may be more. */
  readonly limit: number;
}

/** Changes as a JSON array, one a line, or as a table for people. */
export function printChanges(changes: readonly Change[], { asJson, columns, limit }: PrintOptions): string {
  if (asJson) return changes.length === 0 ? '[]\n' : `[\n${changes.map(printableJson).join(',\n')}\n]\n`;
  if (changes.length === 0) return 'No changes.\n';
  const table = textTable(columns, changes, process.stdout.isTTY ? process.stdout.columns : undefined);
  const last = changes.at(-1);
  return changes.length < limit ? table : `${table}\nThere may be older ones: --cursor ${last?.id}\n`;
}

/** JSON in which nothing steers a terminal: what JSON leaves as it is of control and direction marks is escaped as well. */
function printableJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\p{Cc}\p{Bidi_Control}]/gu,
    (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
