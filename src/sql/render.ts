import { quoteIdentifier, quoteLiteral } from '../core/identifier.ts';

/**
 * Puts a schema's name into an SQL asset. The assets call the schema `threadline_schema`, so that they
 * read as SQL; within quotes, `'threadline_schema'` stands for the name as a text.
 */
export function inSchema(sql: string, schema: string): string {
  const identifier = quoteIdentifier(schema);
  const literal = quoteLiteral(schema);
  return sql.replace(/('?)\bthreadline_schema\b\1/g, (_whole, quote: string) => (quote === '' ? identifier : literal));
}
