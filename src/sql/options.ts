import { z } from 'zod';
import { DEFAULT_SCHEMA } from '../core/identifier.ts';
import { parseAtEdge } from '../core/validation.ts';

const schemaSchema = z
  .string()
  .min(1, 'must not be empty')
  .refine((name) => Buffer.byteLength(name) <= 63, 'must have at most 63 bytes')
  .refine((name) => name.isWellFormed() && !/\p{Cc}/u.test(name), 'must not hold control characters')
  .refine((name) => !name.startsWith('pg_'), 'must not begin with pg_, which is for PostgreSQL itself')
  // It becomes part of function bodies, which dollar signs delimit.
  .refine((name) => !/\$\w*\$/.test(name), 'must not hold what looks like a dollar quote')
  .default(DEFAULT_SCHEMA);

export interface InstallOptions {
  /** The schema to install into; default `threadline`. Case counts, nothing is folded. */
  readonly schema?: string | undefined;
}

export interface TableOptions extends InstallOptions {
  /** Tables, named as in SQL: `users`, `sales.orders`, `"Mixed Case"."name"`. */
  readonly tables: readonly string[];
}

const installOptionsSchema: z.ZodType<{ readonly schema: string }> = z.strictObject({ schema: schemaSchema });

const tableOptionsSchema: z.ZodType<{ readonly schema: string; readonly tables: readonly string[] }> = z.strictObject({
  schema: schemaSchema,
  tables: z.array(z.string(), 'must be a list of table names').min(1, 'must name at least one table'),
});

export function parseInstallOptions(options: InstallOptions): { readonly schema: string } {
  return parseAtEdge(installOptionsSchema, options, 'TL_INSTALL_OPTIONS_INVALID', 'Invalid options');
}

export function parseTableOptions(options: TableOptions): {
  readonly schema: string;
  readonly tables: readonly string[];
} {
  return parseAtEdge(tableOptionsSchema, options, 'TL_INSTALL_OPTIONS_INVALID', 'Invalid options');
}
