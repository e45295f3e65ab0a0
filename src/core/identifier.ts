import { ThreadlineError } from './errors.ts';

/** The schema that Threadline lives in unless another is named. */
export const DEFAULT_SCHEMA = 'threadline';

/** A table by its exact names; without a schema, the search path decides. */
export interface TableName {
  readonly schema?: string;
  readonly name: string;
}

/** Quotes an identifier for SQL text. The one place where identifiers become SQL. */
export function quoteIdentifier(name: string): string {
  if (name === '' || name.includes('\u0000') || !name.isWellFormed())
    throw new ThreadlineError(
      'TL_IDENTIFIER_INVALID',
      'An identifier must not be empty, hold U+0000 or half of a surrogate pair',
    );
  return `"${name.replaceAll('"', '""')}"`;
}

/** Quotes a text literal for SQL text, right under every setting of standard_conforming_strings. */
export function quoteLiteral(value: string): string {
  if (value.includes('\u0000'))
    throw new ThreadlineError('TL_IDENTIFIER_INVALID', 'A value that becomes SQL text must not hold U+0000');
  const doubled = value.replaceAll("'", "''");
  return value.includes('\\') ? `E'${doubled.replaceAll('\\', '\\\\')}'` : `'${doubled}'`;
}

const PART = /\s*(?:"((?:[^"]|"")+)"|([\p{L}_\u0080-\uffff][\p{L}\p{N}_$\u0080-\uffff]*))\s*/uy;

/**
 * Reads a table name as PostgreSQL does: `users`, `sales.orders`, `"Mixed Case"."dotted.name"`.
 * Unquoted parts fold to lower case (ASCII letters only); quoted ones are taken as they are.
 *
 * @throws ThreadlineError `TL_IDENTIFIER_INVALID`
 */
export function parseTableName(text: string): TableName {
  const parts: string[] = [];
  PART.lastIndex = 0;
  for (;;) {
    const match = PART.exec(text);
    if (!match) break;
    parts.push(match[1]?.replaceAll('""', '"') ?? (match[2] ?? '').replace(/[A-Z]/g, (letter) => letter.toLowerCase()));
    const end = match.index + match[0].length;
    if (end === text.length && parts.length === 1) return { name: parts[0] as string };
    if (end === text.length && parts.length === 2) return { schema: parts[0] as string, name: parts[1] as string };
    if (text[end] !== '.' || parts.length === 2) break;
    PART.lastIndex = end + 1;
  }
  throw new ThreadlineError(
    'TL_IDENTIFIER_INVALID',
    `${JSON.stringify(text)} is not a table name; write users, sales.orders or "Mixed Case"."name"`,
  );
}

/** A table name as SQL text, each part quoted. */
export function quoteTableName(table: TableName): string {
  return table.schema === undefined
    ? quoteIdentifier(table.name)
    : `${quoteIdentifier(table.schema)}.${quoteIdentifier(table.name)}`;
}
