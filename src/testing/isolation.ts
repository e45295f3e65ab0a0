import assert from 'node:assert/strict';
import { as, type Bench, type ConformanceTest, expectWrites, write } from './bench.ts';

/** Isolation levels are set before anything else in a transaction, and snapshots are taken no earlier than without the adapter. */
export const isolationTests: readonly ConformanceTest[] = [
  {
    name: 'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE works as the first statement',
    async run(bench) {
      const handle = await bench.open(1);
      const level = await as('A', () =>
        bench.harness.transaction(handle, async (tx) => {
          await bench.harness.run(tx, 'set transaction isolation level serializable', []);
          await write(bench, tx, 'one');
          return await isolationOf(bench, tx);
        }),
      );
      assert.equal(level, 'serializable');
      await expectWrites(bench, { one: 'A' });
    },
  },
  {
    name: "the driver's own way to ask for SERIALIZABLE works",
    needs: ['serializable'],
    async run(bench) {
      const handle = await bench.open(1);
      const level = await as('A', async () =>
        bench.harness.serializable?.(handle, async (tx) => {
          await write(bench, tx, 'one');
          return await isolationOf(bench, tx);
        }),
      );
      assert.equal(level, 'serializable');
      await expectWrites(bench, { one: 'A' });
    },
  },
  {
    name: 'a snapshot is taken no earlier: LOCK TABLE, then an update under REPEATABLE READ',
    needs: ['several connections'],
    async run(bench) {
      const handle = await bench.open(1);
      const other = await bench.openRaw(1);
      await bench.admin("insert into conformance.strict (label) values ('contended')");
      let waiting: Promise<unknown> | undefined;
      await bench.harness.transaction(other, async (tx) => {
        await bench.harness.run(tx, "update conformance.strict set number = 1 where label = 'contended'", []);
        waiting = as('A', () => bench.harness.transaction(handle, (locking) => lockThenUpdate(bench, locking)));
        await untilSomebodyWaits(bench, waiting);
      });
      await waiting;
      const [row] = await bench.admin(
        "select number::text as number from conformance.strict where label = 'contended'",
      );
      assert.equal(row?.['number'], '2');
    },
  },
];

async function isolationOf({ harness }: Bench, tx: unknown): Promise<unknown> {
  const [row] = await harness.run(tx, "select pg_catalog.current_setting('transaction_isolation') as level", []);
  return row?.['level'];
}

async function lockThenUpdate({ harness }: Bench, tx: unknown): Promise<void> {
  await harness.run(tx, 'set transaction isolation level repeatable read', []);
  await harness.run(tx, 'lock table conformance.strict in exclusive mode', []);
  await harness.run(tx, "update conformance.strict set number = number + 1 where label = 'contended'", []);
}

/** Waits until a lock on the table is waited for, or until that can no longer happen. */
async function untilSomebodyWaits(bench: Bench, waiting: Promise<unknown>): Promise<void> {
  let ended = false;
  const end = () => {
    ended = true;
  };
  waiting.then(end, end);
  const query =
    "select 1 as one from pg_catalog.pg_locks where not granted and relation = 'conformance.strict'::regclass";
  while (!ended && (await bench.admin(query)).length === 0) await new Promise((resolve) => setImmediate(resolve));
}
