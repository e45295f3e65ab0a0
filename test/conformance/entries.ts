import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));

/** Where a run of tests leaves a line for each, which the conformance page is written from. */
export const ENTRIES: string = join(here, '..', '..', '.cache', 'conformance.jsonl');

/** What people see of a run. */
export interface PeopleReporter {
  readonly reporter: 'dot' | 'spec' | 'tap';
  readonly destination: 'stdout' | 'stderr';
}

/** Flags for `node --test`: a reporter for people, and the one that leaves the lines. */
export async function entryReporter({ reporter, destination }: PeopleReporter): Promise<readonly string[]> {
  await mkdir(dirname(ENTRIES), { recursive: true });
  return [
    ['--test-reporter', reporter, '--test-reporter-destination', destination],
    ['--test-reporter', join(here, 'collect.mjs'), '--test-reporter-destination', ENTRIES],
  ].flat();
}
