import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, type TestContext, test } from 'node:test';
import { ThreadlineError } from '../core/errors.ts';
import type { Bench, ConformanceTest } from './bench.ts';
import { callbackTests } from './callbacks.ts';
import { copyTests } from './copies.ts';
import { handlesForEach, sharedHandles } from './handles.ts';
import type { AdapterHarness, AnyHarness, Capability } from './harness.ts';
import { interleavingTests } from './interleaving.ts';
import { isolationTests } from './isolation.ts';
import { lazyTests } from './lazy.ts';
import { outcome } from './outcome.ts';
import { protocolTests } from './protocol.ts';
import { samenessTests } from './sameness.ts';
import { savepointTests } from './savepoints.ts';
import { statementTests } from './statements.ts';
import { transactionTests } from './transactions.ts';
import { valueTests } from './values.ts';
import { whoTests } from './who.ts';

export type { AdapterHarness, Capability, ConnectOptions, ResultRow } from './harness.ts';

/** Where and how much the suite runs. */
export interface ConformanceOptions {
  /**
   * A database of the suite's own, reached as a superuser: it makes a schema `conformance` in it, a
   * role, and takes rights away for the time of a test.
   */
  readonly url: string;
  /** How many statements the random programs run at least; default 20,000. */
  readonly statements?: number;
  /** The seed of the random programs; default: another one each time, printed. */
  readonly seed?: number;
}

const TIMEOUT_MS = 60_000;
// The random programs run each of their statements twice, and machines are slow at times.
const TIMEOUT_PER_STATEMENT_MS = 15;
const ALL: readonly ConformanceTest[] = [
  ...whoTests,
  ...transactionTests,
  ...savepointTests,
  ...protocolTests,
  ...isolationTests,
  ...statementTests,
  ...copyTests,
  ...lazyTests,
  ...callbackTests,
  ...valueTests,
  ...samenessTests,
  ...interleavingTests,
];

/** The names of all tests, in the order in which they are run. */
export const conformanceTests: readonly string[] = ALL.map(({ name }) => name);

/**
 * Registers the tests that every adapter must pass, with node:test, for one driver. Attribution is
 * read off a table whose column defaults read the settings: no part of Threadline has to be
 * installed in the database.
 *
 * @throws ThreadlineError `TL_CONFORMANCE_HARNESS_INVALID` where `limits` names a test that does not exist
 * @example
 * adapterConformance(
 *   {
 *     name: 'my driver',
 *     connect: (url, { max, attributed }) => (attributed ? wrapMine(mine(url, max)) : mine(url, max)),
 *     end: (db) => db.close(),
 *     run: async (db, text, values) => (await db.query(text, values)).rows,
 *     transaction: (db, body) => db.transaction(body),
 *   },
 *   { url: 'postgres://postgres@localhost/scratch' },
 * );
 */
export function adapterConformance<Handle, Connection>(
  harness: AdapterHarness<Handle, Connection>,
  options: ConformanceOptions,
): void {
  const unknown = Object.keys(harness.limits ?? {}).filter((name) => !conformanceTests.includes(name));
  if (unknown.length > 0)
    throw new ThreadlineError(
      'TL_CONFORMANCE_HARNESS_INVALID',
      `The limits of ${harness.name} name tests that do not exist: ${unknown.join('; ')}`,
    );
  register(harness as AnyHarness, options);
}

function register(
  harness: AnyHarness,
  { url, statements = 20_000, seed = Date.now() % 1_000_000 }: ConformanceOptions,
): void {
  const timeout = TIMEOUT_MS + statements * TIMEOUT_PER_STATEMENT_MS;
  describe(harness.name, { timeout: ALL.length * timeout }, () => {
    const handles = harness.singleConnection ? sharedHandles(harness, url) : handlesForEach(harness, url);
    const query: Bench['admin'] = async (text, values = []) => await harness.run(handles.admin(), text, values);
    const bench: Omit<Bench, 'note'> = {
      harness,
      seed,
      statements,
      open: (max = 2) => handles.open(max, true),
      openRaw: (max = 2) => handles.open(max, false),
      admin: query,
    };
    before(() => handles.begin());
    beforeEach(async () => {
      await query('truncate conformance.writes restart identity');
      await query('drop table if exists conformance.made');
    });
    afterEach(() => handles.endOfTest(), { timeout: TIMEOUT_MS });
    after(() => handles.end());
    for (const one of ALL)
      test(one.name, { timeout, skip: missing(harness, one) }, (context) =>
        runOne(one, { ...bench, note: (text) => context.diagnostic(text) }, context),
      );
  });
}

/** What a test needs and the harness does not offer, as a reason to skip it. */
function missing(harness: AnyHarness, { needs = [] }: ConformanceTest): string | false {
  const offers = (need: Capability) => {
    if (need === 'several connections') return !harness.singleConnection;
    if (need === 'pool') return !harness.singleConnection && !harness.unpooled;
    return harness[need] !== undefined;
  };
  const lacking = needs.filter((need) => !offers(need));
  return lacking.length > 0 && `this driver has no ${lacking.join(', ')}`;
}

async function runOne(one: ConformanceTest, bench: Bench, context: TestContext): Promise<void> {
  const instead = bench.harness.limits?.[one.name];
  if (instead === undefined) return one.run(bench);
  const { error } = await outcome(() => one.run(bench));
  assert.ok(error, 'passes by now: take it off the limits');
  context.skip(`limit: ${instead}`);
}
