import assert from 'node:assert/strict';
import { actor } from '../core/actor.ts';
import { runDetached, runWithContext } from '../core/store.ts';
import { as, type Bench, type ConformanceTest, expectWrites, warm, write, writes } from './bench.ts';
import { outcome } from './outcome.ts';

/** Each statement of a transaction belongs to the code that issued it, whoever opened the transaction. */
export const transactionTests: readonly ConformanceTest[] = [
  {
    name: 'a transaction belongs to the context of its statements, not of its beginning',
    async run(bench) {
      const handle = await bench.open();
      await bench.harness.transaction(handle, async (tx) => {
        await as('A', () => write(bench, tx, 'one'));
        await as('A', () => write(bench, tx, 'two'));
      });
      await expectWrites(bench, { one: 'A', two: 'A' });
    },
  },
  {
    name: 'a change of actor inside a transaction is attributed exactly',
    async run(bench) {
      const handle = await bench.open();
      await as('A', () =>
        bench.harness.transaction(handle, async (tx) => {
          await write(bench, tx, 'one');
          await as('B', () => write(bench, tx, 'two'));
          await write(bench, tx, 'three');
        }),
      );
      await expectWrites(bench, { one: 'A', two: 'B', three: 'A' });
    },
  },
  {
    name: 'no context inside a transaction that was opened in one is nobody',
    async run(bench) {
      const handle = await bench.open();
      await as('A', () =>
        bench.harness.transaction(handle, async (tx) => {
          await write(bench, tx, 'one');
          await runDetached(async () => await write(bench, tx, 'two'));
          await write(bench, tx, 'three');
        }),
      );
      await expectWrites(bench, { one: 'A', two: null, three: 'A' });
    },
  },
  {
    name: 'an inner context without a correlation id does not keep the outer one',
    async run(bench) {
      const handle = await bench.open();
      await as('A', () =>
        bench.harness.transaction(handle, async (tx) => {
          await write(bench, tx, 'outer');
          await runWithContext({ actor: actor.user('B') }, async () => await write(bench, tx, 'inner'));
        }),
      );
      const rows = await bench.admin('select context::text as context from conformance.writes order by id');
      const contexts = rows.map(({ context }) => context);
      assert.deepEqual(contexts, ['{"correlation_id": "c-A"}', null]);
    },
  },
  {
    name: 'an actor who goes on under another correlation id is recorded under that one, alone and in a transaction',
    async run(bench) {
      const handle = await bench.open(1);
      const under = (correlationId: string, on: unknown) =>
        runWithContext({ actor: actor.user('A'), correlationId }, () => write(bench, on, `under ${correlationId}`));
      await under('c-1', handle);
      await under('c-2', handle);
      await bench.harness.transaction(handle, async (tx) => {
        await under('c-3', tx);
        await under('c-4', tx);
      });
      const found = (await writes(bench)).map(({ label, correlation }) => [label, correlation]);
      assert.deepEqual(
        found,
        ['c-1', 'c-2', 'c-3', 'c-4'].map((id) => [`under ${id}`, id]),
      );
    },
  },
  {
    name: 'contexts that share one open transaction at the same time stay apart',
    async run(bench) {
      const handle = await bench.open(1);
      await warm(bench, handle);
      await as('A', () =>
        bench.harness.transaction(handle, async (tx) => {
          await Promise.all(['A', 'B', 'C', 'D'].map((id) => as(id, () => write(bench, tx, id))));
        }),
      );
      await expectWrites(bench, { A: 'A', B: 'B', C: 'C', D: 'D' });
    },
  },
  {
    name: 'transactions of several contexts that go on in the same tick stay apart',
    needs: ['pool'],
    async run(bench) {
      const handle = await bench.open(3);
      const ids = ['A', 'B', 'C'];
      let arrived = 0;
      let goOn = () => {};
      const gate = new Promise<void>((resolve) => {
        goOn = resolve;
      });
      const together = async (tx: unknown, id: string) => {
        await write(bench, tx, `${id} before`);
        arrived += 1;
        if (arrived === ids.length) goOn();
        await gate;
        await write(bench, tx, `${id} after`);
      };
      await Promise.all(ids.map((id) => as(id, () => bench.harness.transaction(handle, (tx) => together(tx, id)))));
      await expectWrites(
        bench,
        Object.fromEntries(ids.flatMap((id) => [`${id} before`, `${id} after`].map((label) => [label, id]))),
      );
    },
  },
  {
    name: 'a statement of another context issued while a transaction is open belongs to that context',
    async run(bench) {
      const handle = await bench.open(1);
      let elsewhere: Promise<void> | undefined;
      await as('A', () =>
        bench.harness.transaction(handle, async (tx) => {
          await write(bench, tx, 'one');
          elsewhere = as('B', () => write(bench, handle, 'elsewhere'));
          await write(bench, tx, 'two');
        }),
      );
      await elsewhere;
      await expectWrites(bench, { one: 'A', two: 'A', elsewhere: 'B' });
    },
  },
  {
    name: 'a statement issued on a transaction that has ended is refused, or belongs to whoever issued it',
    async run(bench) {
      const handle = await bench.open(1);
      let ended: unknown;
      await as('A', () =>
        bench.harness.transaction(handle, async (tx) => {
          ended = tx;
          await write(bench, tx, 'in time');
        }),
      );
      let stray: Promise<unknown> | undefined;
      await as('B', () =>
        bench.harness.transaction(handle, async (tx) => {
          await write(bench, tx, 'next');
          stray = outcome(() => as('A', () => write(bench, ended, 'stray')));
          await write(bench, tx, 'last');
        }),
      );
      const { error } = (await stray) as { error?: unknown };
      await expectWrites(bench, { 'in time': 'A', next: 'B', last: 'B', ...(error ? {} : { stray: 'A' }) });
    },
  },
  {
    name: 'a transaction that is rolled back leaves nothing, and the next one is attributed',
    async run(bench) {
      const handle = await bench.open(1);
      const failed = await outcome(() => as('A', () => rolledBack(bench, handle)));
      assert.equal(failed.error?.message, 'changed my mind');
      await as('B', () => bench.harness.transaction(handle, (tx) => write(bench, tx, 'kept')));
      await expectWrites(bench, { kept: 'B' });
    },
  },
  {
    name: 'a transaction whose COMMIT fails rejects, and the next one is attributed',
    async run(bench) {
      const handle = await bench.open(1);
      const failed = await outcome(() =>
        as('A', () =>
          bench.harness.transaction(handle, async (tx) => {
            await write(bench, tx, 'lost');
            await bench.harness.run(tx, 'insert into conformance.children (parent) values (42)', []);
          }),
        ),
      );
      assert.ok(failed.error, 'COMMIT was refused');
      await as('B', () => bench.harness.transaction(handle, (tx) => write(bench, tx, 'kept')));
      await expectWrites(bench, { kept: 'B' });
    },
  },
  {
    name: 'statements that are issued together run in the order in which they run without the adapter',
    async run(bench) {
      const run = async (handle: unknown) => {
        await bench.harness.run(handle, 'truncate conformance.writes restart identity', []);
        return bench.harness.transaction(handle, async (tx) => {
          const issued = [0, 1, 2, 3, 4, 5].map((index) => {
            const text = 'select count(*)::text as count from conformance.writes';
            if (index % 2 === 1) return bench.harness.run(tx, text, []);
            return as(`${index % 4}`, () => write(bench, tx, `number ${index}`));
          });
          const results = await Promise.all(issued);
          return results.map((rows) => rows?.[0]?.['count']);
        });
      };
      const counts = await run(await bench.open(1));
      assert.deepEqual(counts, await run(await bench.openRaw(1)));
    },
  },
  {
    name: 'a transaction that only reads is served as ever',
    async run(bench) {
      const handle = await bench.open();
      const rows = await as('A', () =>
        bench.harness.transaction(handle, async (tx) => {
          await bench.harness.run(tx, 'set transaction read only', []);
          return await bench.harness.run(tx, 'select label from conformance.strict', []);
        }),
      );
      assert.deepEqual(
        rows.map((row) => row['label']),
        ['taken'],
      );
    },
  },
];

function rolledBack(bench: Bench, handle: unknown): PromiseLike<unknown> {
  return bench.harness.transaction(handle, async (tx) => {
    await write(bench, tx, 'lost');
    throw new Error('changed my mind');
  });
}
