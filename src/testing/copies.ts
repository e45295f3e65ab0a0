import assert from 'node:assert/strict';
import { as, type Bench, type ConformanceTest, expectWrites, warm, write } from './bench.ts';
import { describeValue, outcome } from './outcome.ts';

const COPY = 'copy conformance.writes (label) from stdin';

/** What is copied in goes past the messages of a query: its settings have to be there before the first row. */
export const copyTests: readonly ConformanceTest[] = [
  {
    name: 'COPY FROM belongs to whoever issued it, alone and in a transaction',
    needs: ['copyFrom'],
    async run(bench) {
      const handle = await bench.open(1);
      await warm(bench, handle);
      // One after the other: a driver that pipelines breaks a copy off with whatever it sends next.
      for (const id of ['A', 'B']) await as(id, () => copy(bench, handle, `${id} alone`, `${id} too`));
      await copy(bench, handle, 'nobody');
      await as('C', () =>
        bench.harness.transaction(handle, async (tx) => {
          await copy(bench, tx, 'first');
          await as('D', () => copy(bench, tx, 'second'));
          await write(bench, tx, 'third');
        }),
      );
      await write(bench, handle, 'after it');
      await expectWrites(bench, {
        ...{ 'A alone': 'A', 'A too': 'A', 'B alone': 'B', 'B too': 'B', nobody: null },
        ...{ first: 'C', second: 'D', third: 'C', 'after it': null },
      });
    },
  },
  {
    name: 'COPY FROM that is refused gives the same error with and without the adapter, and leaves the connection attributed',
    needs: ['copyFrom'],
    async run(bench) {
      const refused = 'copy conformance.absent (label) from stdin';
      const [attributed, raw] = [await bench.open(1), await bench.openRaw(1)];
      const fail = (handle: unknown) => outcome(async () => await bench.harness.copyFrom?.(handle, refused, 'one\n'));
      const failed = await as('A', () => fail(attributed));
      assert.ok(failed.error, 'the copy was refused');
      assert.deepStrictEqual(describeValue(failed), describeValue(await fail(raw)));
      await as('B', () => copy(bench, attributed, 'later'));
      await expectWrites(bench, { later: 'B' });
    },
  },
];

async function copy({ harness }: Bench, on: unknown, ...labels: readonly string[]): Promise<void> {
  await harness.copyFrom?.(on, COPY, labels.map((label) => `${label}\n`).join(''));
}
