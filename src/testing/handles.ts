import { SCHEMA } from './bench.ts';
import type { AnyHarness } from './harness.ts';

/** Where the handles of a run come from, and what becomes of them. */
export interface Handles {
  /** Makes what the suite keeps in the database. */
  begin(): Promise<void>;
  open(max: number, attributed: boolean): Promise<unknown>;
  /** The handle that prepares and checks. */
  admin(): unknown;
  endOfTest(): Promise<void>;
  end(): Promise<void>;
}

/** New handles on one database for each test, and a raw one beside them. */
export function handlesForEach(harness: AnyHarness, url: string): Handles {
  let admin: unknown;
  const opened: unknown[] = [];
  return {
    async begin() {
      admin = await harness.connect(url, { max: 1, attributed: false });
      await prepare(harness, admin);
    },
    async open(max, attributed) {
      const handle = await harness.connect(url, { max, attributed });
      opened.push(handle);
      return handle;
    },
    admin: () => admin,
    async endOfTest() {
      for (const handle of opened.splice(0)) await harness.end(handle);
    },
    async end() {
      await harness.end(admin);
    },
  };
}

/**
 * For a database of one connection: two of them, one with the adapter and one without, for all
 * tests. What was written can be seen only through the first, so that one is asked, in no context.
 */
export function sharedHandles(harness: AnyHarness, url: string): Handles {
  let attributedHandle: unknown;
  let rawHandle: unknown;
  return {
    async begin() {
      attributedHandle = await harness.connect(url, { max: 1, attributed: true });
      rawHandle = await harness.connect(url, { max: 1, attributed: false });
      await prepare(harness, attributedHandle);
      await prepare(harness, rawHandle);
    },
    open: async (_max, attributed) => (attributed ? attributedHandle : rawHandle),
    admin: () => attributedHandle,
    endOfTest: async () => {},
    async end() {
      await harness.end(attributedHandle);
      await harness.end(rawHandle);
    },
  };
}

async function prepare(harness: AnyHarness, handle: unknown): Promise<void> {
  for (const statement of SCHEMA) await harness.run(handle, statement, []);
}
