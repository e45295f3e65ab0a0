import { readFile } from 'node:fs/promises';
import { conformanceTests } from '../../src/testing/index.ts';

/** How one test ended for one driver, as the reporter writes it. */
export interface Entry {
  readonly driver: string;
  readonly test: string;
  readonly status: 'passed' | 'failed' | 'skipped';
  /** Why it was skipped. */
  readonly reason: string;
}

/** Writes the page of the results: `settingUp` is a file with what comes before them. */
export async function writePage(all: readonly Entry[], settingUp: URL): Promise<string> {
  const drivers = [...new Set(all.map(({ driver }) => driver))].sort();
  const of = (driver: string, test: string) => all.find((entry) => entry.driver === driver && entry.test === test);
  // In the order of the table, whichever suite was done first.
  const limits = drivers.flatMap((driver) =>
    conformanceTests.flatMap((test) => {
      const entry = of(driver, test);
      return entry?.reason.startsWith(LIMIT) ? [entry] : [];
    }),
  );
  const mark = (entry: Entry | undefined) => {
    if (entry === undefined) return '?';
    if (entry.status === 'passed') return '✓';
    if (entry.status === 'failed') return '✗';
    const limit = limits.indexOf(entry);
    return limit < 0 ? '–' : `(${limit + 1})`;
  };
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return `# Conformance

Written by \`npm run conformance\`, which runs one suite (\`adapterConformance\` of \`threadline/testing\`) for every
driver on a real PostgreSQL; do not edit. ✓ passed · – the driver has no such thing · (n) a limit, see below.

## How each is set up

${(await readFile(settingUp, 'utf8')).trimEnd()}

## Limits, and what to do instead

${limits.map(({ driver, test, reason }, index) => `${index + 1}. ${driver}, "${test}": ${reason.slice(LIMIT.length)}.`).join('\n')}

## Results

${drivers.map((driver, index) => `- **${letter(index)}** ${driver}`).join('\n')}

${row(['test', ...drivers.map((_, index) => letter(index))])}
${row(['---', ...drivers.map(() => ':-:')])}
${conformanceTests.map((test) => row([test, ...drivers.map((driver) => mark(of(driver, test)))])).join('\n')}
`;
}

const LIMIT = 'limit: ';

function letter(index: number): string {
  return String.fromCharCode(65 + index);
}
