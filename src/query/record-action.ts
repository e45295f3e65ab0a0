import { z } from 'zod';
import { type JsonObject, makeScope } from '../core/context.ts';
import { type Database, toExecutor } from '../core/executor.ts';
import { DEFAULT_SCHEMA, quoteIdentifier } from '../core/identifier.ts';
import { currentScope } from '../core/store.ts';
import { parseAtEdge } from '../core/validation.ts';
import { readEntries } from './entries.ts';
import { jsonOf, unknownKeys } from './page.ts';
import { newParameters } from './parameters.ts';

/** How an event ended. */
export const ACTION_STATUSES = ['ok', 'error'] as const;

/** What is known of a business event besides its name. */
export interface ActionOptions {
  /** `ok` unless given. */
  readonly status?: (typeof ACTION_STATUSES)[number] | undefined;
  /** What was done, in a word of your own vocabulary (`update`); at most 255 characters, as `category`. */
  readonly verb?: string | undefined;
  readonly category?: string | undefined;
  /** Why: for example a ticket's number; at most 4000 characters, as `comment`. */
  readonly reason?: string | undefined;
  readonly comment?: string | undefined;
  /** Any JSON object, under the rules for the meta of a context: at most 8 KiB. */
  readonly meta?: JsonObject | undefined;
  /** The schema that Threadline is installed in; `threadline` by default. */
  readonly schema?: string | undefined;
}

/** A recorded event. */
export interface RecordedAction {
  /** Opaque; the `transaction.action.id` of the changes that belong to the event. */
  readonly id: string;
}

const nameSchema = z
  .string()
  .max(255, 'must have at most 255 characters')
  .regex(
    /^[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)*$/,
    'must be lower-case words with dots between, such as member.role_changed',
  );

const text = (maximum: number) =>
  z
    .string()
    .max(maximum, `must have at most ${maximum} characters`)
    // People write these: what PostgreSQL could not store must not lose the event.
    .transform((value) => value.toWellFormed().replaceAll('\u0000', '\ufffd'))
    .optional();

const optionsShape = {
  status: z.enum(ACTION_STATUSES, { error: `must be one of ${ACTION_STATUSES.join(', ')}` }).optional(),
  verb: text(255),
  category: text(255),
  reason: text(4000),
  comment: text(4000),
  meta: z.record(z.string(), z.unknown(), { error: 'must be an object' }).optional() as z.ZodType<
    JsonObject | undefined
  >,
  schema: z.string().min(1, 'must not be empty').optional(),
} as const;

const optionsSchema: z.ZodType<ActionOptions> = z.strictObject(optionsShape, {
  error: unknownKeys('option', Object.keys(optionsShape)),
});

/**
 * Records a business event: who did what on purpose, and why. The actor and the rest of the context
 * are those of the running code.
 *
 * Recorded in a transaction, the event is linked to the changes that the transaction makes under
 * the same context, and it vanishes with them on ROLLBACK. Recorded on a pool, it stands for itself.
 *
 * @throws ThreadlineError `TL_ACTION_INVALID`, `TL_CONTEXT_META_INVALID`, `TL_CONTEXT_TOO_LARGE`,
 * `TL_NOT_INSTALLED` or `TL_DATABASE_UNSUPPORTED`
 * @example
 * await client.query('begin');
 * await client.query(`update members set role = 'owner' where id = 7`);
 * await recordAction(client, 'member.role_changed', { reason: 'asked for by support' });
 * await client.query('commit');
 */
export async function recordAction(db: Database, name: string, options: ActionOptions = {}): Promise<RecordedAction> {
  const action = parseAtEdge(nameSchema, name, 'TL_ACTION_INVALID', 'Invalid name of an action');
  const { schema, meta, ...rest } = parseAtEdge(optionsSchema, options, 'TL_ACTION_INVALID', 'Invalid action');
  const details = { ...rest, meta: makeScope({ meta }).context.meta };
  // As parameters, since the handle may be one that no adapter carries the context through.
  const settings = currentScope()?.settings;
  const parameters = newParameters();
  const statement = `
    select pg_catalog.json_build_object('id', ${quoteIdentifier(schema ?? DEFAULT_SCHEMA)}.record_action(
      ${parameters.add(action)},
      ${jsonOf(details, parameters, schema)},
      ${settings ? parameters.add(settings.actorRef) : 'null'},
      ${settings ? parameters.add(settings.context) : 'null'}
    ))::pg_catalog.text as entry`;
  const [recorded] = await readEntries(toExecutor(db), { text: statement, parameters, schema });
  return recorded as unknown as RecordedAction;
}
