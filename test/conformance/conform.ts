import { createRequire } from 'node:module';
import type pg from 'pg';
import { instrumentPg } from '../../src/adapters/pg/index.ts';
import { type AdapterHarness, adapterConformance } from '../../src/testing/index.ts';
import { createTestDatabase } from '../support/database.ts';

// Enough to see a wrong adapter; the whole length is for runs that are meant to take long.
const STATEMENTS = Number(process.env['THREADLINE_CONFORMANCE_STATEMENTS'] ?? 1200);
const SEED = process.env['THREADLINE_CONFORMANCE_SEED'];

/** Runs the conformance suite for one driver on a database of its own. */
export async function conform<Handle, Connection>(harness: AdapterHarness<Handle, Connection>): Promise<void> {
  const { url } = await createTestDatabase();
  adapterConformance(harness, { url, statements: STATEMENTS, ...(SEED === undefined ? {} : { seed: Number(SEED) }) });
}

/** A copy of a CommonJS package that shares nothing with the others, so that instrumenting it leaves them alone. */
export function separateCopyOf<Module>(name: string, from: string = import.meta.url): Module {
  const require = createRequire(from);
  const kept = { ...require.cache };
  for (const path of Object.keys(require.cache)) delete require.cache[path];
  try {
    return require(name) as Module;
  } finally {
    Object.assign(require.cache, kept);
  }
}

/**
 * For a driver that cannot be given a copy of pg: instruments the one that it imports, all but the
 * clients that call themselves `raw` by their application_name.
 */
export function instrumentUnlessRaw({ Client, Pool }: typeof pg): void {
  const { connect, query } = Client.prototype;
  instrumentPg({ Client, Pool });
  const instrumented = { connect: Client.prototype.connect, query: Client.prototype.query };
  for (const [name, original] of Object.entries({ connect, query })) {
    const attributed: unknown = Reflect.get(instrumented, name);
    const dispatch = function (this: pg.Client, ...args: unknown[]): unknown {
      const { application_name: application } = Reflect.get(this, 'connectionParameters');
      return Reflect.apply((application === 'raw' ? original : attributed) as () => unknown, this, args);
    };
    Reflect.set(Client.prototype, name, dispatch);
  }
}
