import { z } from 'zod';
import { DEFAULT_SCHEMA } from '../core/identifier.ts';
import { parseAtEdge } from '../core/validation.ts';

const nameSchema = z
  .string()
  .min(1, 'must not be empty')
  .refine((name) => Buffer.byteLength(name) <= 63, 'must have at most 63 bytes')
  .refine((name) => name.isWellFormed() && !/\p{Cc}/u.test(name), 'must not hold control characters')
  // It becomes part of function bodies, which dollar signs delimit.
  .refine((name) => !/\$\w*\$/.test(name), 'must not hold what looks like a dollar quote');

/** The schema that Threadline is installed in, as an option of every function. */
export const schemaOptionSchema: z.ZodDefault<z.ZodString> = nameSchema
  .refine((name) => !name.startsWith('pg_'), 'must not begin with pg_, which is for PostgreSQL itself')
  .default(DEFAULT_SCHEMA);

const rolesSchema = z.array(nameSchema, 'must be a list of roles').default([]);

/** The schema that an installation is in. */
export interface SchemaOptions {
  /** The schema to install into; default `threadline`. Case counts, nothing is folded. */
  readonly schema?: string | undefined;
}

export interface InstallOptions extends SchemaOptions {
  /** Roles that get the right to read the log. Case counts; none unless given, and none loses what it has. */
  readonly readers?: readonly string[] | undefined;
  /** Roles that get the right to call `recordAction`. To be recorded, a role needs no right at all. */
  readonly writers?: readonly string[] | undefined;
}

/** {@link InstallOptions} with nothing left open. */
export interface ParsedInstallOptions {
  readonly schema: string;
  readonly readers: readonly string[];
  readonly writers: readonly string[];
}

const installOptionsSchema: z.ZodType<ParsedInstallOptions> = z.strictObject({
  schema: schemaOptionSchema,
  readers: rolesSchema,
  writers: rolesSchema,
});

export function parseInstallOptions(options: InstallOptions): ParsedInstallOptions {
  return parseAtEdge(installOptionsSchema, options, 'TL_INSTALL_OPTIONS_INVALID', 'Invalid options');
}
