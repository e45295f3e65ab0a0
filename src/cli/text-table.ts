import { printable, shorten, widthOf } from './printable.ts';

/** A column of a table of text. */
export interface TextColumn<Item> {
  readonly title: string;
  /** The most columns of the terminal that it takes. */
  readonly maximum: number;
  /** How far it may be narrowed to fit a terminal; not at all unless given. */
  readonly minimum?: number;
  text(item: Item): string;
}

const GAP = '  ';

/**
 * Lays items out as a table of aligned columns. A column that is empty throughout is left out; to
 * fit into the width of a terminal, the widest columns are narrowed as far as they may be.
 */
export function textTable<Item>(
  columns: readonly TextColumn<Item>[],
  items: readonly Item[],
  terminalWidth: number = Number.POSITIVE_INFINITY,
): string {
  const filled = columns
    .map(({ title, maximum, minimum, text }) => ({
      title,
      minimum: minimum ?? maximum,
      cells: items.map((item) => shorten(printable(text(item)), maximum)),
    }))
    .filter(({ cells }) => cells.some((cell) => cell !== ''));
  const wanted = filled.map(({ title, minimum, cells }) => ({
    width: Math.max(...[title, ...cells].map(widthOf)),
    minimum,
  }));
  const widths = fit(wanted, terminalWidth - GAP.length * (filled.length - 1));
  const lineOf = (texts: readonly string[]) =>
    `${texts
      .map((text, column) => pad(text, widths[column] ?? 0))
      .join(GAP)
      .trimEnd()}\n`;
  return [
    lineOf(filled.map(({ title }) => title)),
    lineOf(widths.map((width) => '─'.repeat(width))),
    ...items.map((_item, row) => lineOf(filled.map(({ cells }) => cells[row] ?? ''))),
  ].join('');
}

/** Takes from the widest column that may be narrowed, again and again, until all fit or none may. */
function fit(columns: { width: number; readonly minimum: number }[], available: number): readonly number[] {
  for (;;) {
    const narrowable = columns.filter(({ width, minimum }) => width > minimum);
    const [widest] = narrowable.sort((a, b) => b.width - a.width);
    if (widest === undefined || columns.reduce((sum, { width }) => sum + width, 0) <= available)
      return columns.map(({ width }) => width);
    widest.width -= 1;
  }
}

function pad(text: string, width: number): string {
  const shortened = shorten(text, width);
  return shortened + ' '.repeat(width - widthOf(shortened));
}
