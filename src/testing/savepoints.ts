import assert from 'node:assert/strict';
import { as, type Bench, type ConformanceTest, expectWrites, write } from './bench.ts';
import { outcome } from './outcome.ts';

/** Savepoints undo settings, and keep them, without a word: what is written after them is attributed all the same. */
export const savepointTests: readonly ConformanceTest[] = [
  {
    name: 'after ROLLBACK TO, the next write is attributed although the first took the settings with it',
    async run(bench) {
      await inTransactionOfA(bench, async (tx, sql) => {
        await sql('savepoint s');
        await write(bench, tx, 'undone');
        await sql('rollback to savepoint s');
        await write(bench, tx, 'kept');
      });
      await expectWrites(bench, { kept: 'A' });
    },
  },
  {
    name: 'after ROLLBACK TO, the inner and the outer actor are still told apart',
    async run(bench) {
      await inTransactionOfA(bench, async (tx, sql) => {
        await write(bench, tx, 'outer');
        await sql('savepoint s');
        await as('B', () => write(bench, tx, 'undone'));
        await sql('rollback to savepoint s');
        await as('B', () => write(bench, tx, 'inner'));
        await write(bench, tx, 'outer again');
      });
      await expectWrites(bench, { outer: 'A', inner: 'B', 'outer again': 'A' });
    },
  },
  {
    name: 'after RELEASE, the inner actor does not stay for the outer code',
    async run(bench) {
      await inTransactionOfA(bench, async (tx, sql) => {
        await write(bench, tx, 'outer');
        await sql('savepoint s');
        await as('B', () => write(bench, tx, 'inner'));
        await sql('release savepoint s');
        await write(bench, tx, 'outer again');
      });
      await expectWrites(bench, { outer: 'A', inner: 'B', 'outer again': 'A' });
    },
  },
  {
    name: "a nested transaction of the driver's own that is kept leaves its actor behind",
    needs: ['nested'],
    async run(bench) {
      await inTransactionOfA(bench, async (tx) => {
        await write(bench, tx, 'outer');
        await as('B', async () => await bench.harness.nested?.(tx, (inner) => write(bench, inner, 'inner')));
        await write(bench, tx, 'outer again');
      });
      await expectWrites(bench, { outer: 'A', inner: 'B', 'outer again': 'A' });
    },
  },
  {
    name: "a nested transaction of the driver's own that is rolled back takes its settings with it",
    needs: ['nested'],
    async run(bench) {
      await inTransactionOfA(bench, async (tx) => {
        const failing = async (inner: unknown) => {
          await write(bench, inner, 'undone');
          throw new Error('changed my mind');
        };
        const undo = async () => await bench.harness.nested?.(tx, failing);
        assert.equal((await outcome(() => as('B', undo))).error?.message, 'changed my mind');
        await as('B', () => write(bench, tx, 'inner'));
        await write(bench, tx, 'outer');
        assert.equal((await outcome(undo)).error?.message, 'changed my mind');
        await write(bench, tx, 'outer again');
      });
      await expectWrites(bench, { inner: 'B', outer: 'A', 'outer again': 'A' });
    },
  },
  {
    name: 'a failed statement, ROLLBACK TO, a write and COMMIT: the write is attributed',
    async run(bench) {
      const { harness } = bench;
      await inTransactionOfA(bench, async (tx, sql) => {
        await write(bench, tx, 'before');
        const fail = async (on: unknown) => void (await harness.run(on, 'select 1 / 0 as broken', []));
        // Some drivers give a transaction up at its first error, unless their own savepoint is around it.
        if (harness.nested === undefined) await sql('savepoint s');
        const failed = await outcome(async () => (harness.nested ? harness.nested(tx, fail) : fail(tx)));
        if (harness.nested === undefined) await sql('rollback to savepoint s');
        assert.ok(failed.error, 'the statement failed');
        await write(bench, tx, 'after');
      });
      await expectWrites(bench, { before: 'A', after: 'A' });
    },
  },
];

type Script = (tx: unknown, sql: (text: string) => PromiseLike<unknown>) => Promise<void>;

async function inTransactionOfA(bench: Bench, body: Script): Promise<void> {
  const handle = await bench.open(1);
  await as('A', () => bench.harness.transaction(handle, (tx) => body(tx, (text) => bench.harness.run(tx, text, []))));
}
