import { z } from 'zod';
import { DEFAULT_SCHEMA } from '../core/identifier.ts';
import { parseAtEdge } from '../core/validation.ts';

/** The schema that Threadline is installed in, as an option of every function. */
export const schemaOptionSchema: z.ZodDefault<z.ZodString> = z
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

const installOptionsSchema: z.ZodType<{ readonly schema: string }> = z.strictObject({ schema: schemaOptionSchema });

export function parseInstallOptions(options: InstallOptions): { readonly schema: string } {
  return parseAtEdge(installOptionsSchema, options, 'TL_INSTALL_OPTIONS_INVALID', 'Invalid options');
}
