import { quoteLiteral } from '../../core/identifier.ts';
import type { ScannedText } from '../../core/scanner.ts';
import { type Settings, setConfigSql, settingsValues } from '../../core/wire.ts';
import type { Submittable } from './driver.ts';
import { override } from './override.ts';

/** A text of several statements with the settings written between them. */
export interface Script {
  readonly text: string;
  /** The places of the added statements among all, from 0. */
  readonly added: ReadonlySet<number>;
  /** A position in the new text (in characters, from 1) as one in the old text. */
  originalPosition(position: number): number;
}

/** What a script is written from. */
export interface ScriptSource {
  readonly scanned: ScannedText;
  readonly settings: Settings;
  readonly standardStrings: boolean | undefined;
}

/**
 * Writes the settings in front of the first statement that is not transaction control, and again
 * behind each piece of transaction control: BEGIN, ROLLBACK TO and their like start or undo what a
 * setting in front of the whole text could reach. Where the borders of the statements are in doubt,
 * only the very first place is safe.
 */
export function writeScript(text: string, { scanned, settings, standardStrings }: ScriptSource): Script {
  const [actorRef, context] = settingsValues(settings).map((value) => `${quoteLiteral(value)}::pg_catalog.text`);
  const statement = `${setConfigSql(String(actorRef), String(context))}; `;
  const statements = scanned.certain || standardStrings ? scanned.statements : scanned.statements.slice(0, 1);
  const added = new Set<number>();
  const places: number[] = [];
  let needed = true;
  const pieces: string[] = [];
  let length = 0;
  let from = 0;
  statements.forEach(({ kind, start }, index) => {
    if (kind !== 'untouched' && needed) {
      const piece = text.slice(from, start);
      length += charactersOf(piece);
      places.push(length);
      length += statement.length;
      pieces.push(piece, statement);
      added.add(index + added.size);
      from = start;
    }
    needed = kind === 'untouched';
  });
  return {
    text: pieces.join('') + text.slice(from),
    added,
    originalPosition: (position) => position - statement.length * places.filter((place) => place < position).length,
  };
}

/** The length of a text as PostgreSQL counts positions: by code points. */
function charactersOf(text: string): number {
  return text.length - (text.match(/[\ud800-\udbff][\udc00-\udfff]/g)?.length ?? 0);
}

/** Keeps the answers to the added statements from a query, and counts positions in the text that the user wrote. */
export function hideAdded(query: Submittable, { added, originalPosition }: Script): void {
  let index = 0;
  for (const name of ['handleRowDescription', 'handleDataRow'])
    override(
      query,
      name,
      (handle) =>
        (...args) =>
          added.has(index) ? undefined : handle(...args),
    );
  override(query, 'handleCommandComplete', (handle) => (...args) => {
    index += 1;
    return added.has(index - 1) ? undefined : handle(...args);
  });
  override(query, 'handleError', (handle) => (error, ...rest) => {
    restorePosition(Object(error), originalPosition);
    return handle(error, ...rest);
  });
}

/**
 * Counts an error's position in the text that the user wrote. `length` counts the bytes of the
 * server's message, in which the position is written out.
 */
export function restorePosition(
  error: { position?: unknown; length?: unknown },
  original: Script['originalPosition'],
): void {
  const { position, length } = error;
  if (typeof position !== 'string') return;
  error.position = String(original(Number(position)));
  if (typeof length === 'number') error.length = length - position.length + String(error.position).length;
}
