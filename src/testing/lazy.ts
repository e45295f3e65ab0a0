import assert from 'node:assert/strict';
import { actor } from '../core/actor.ts';
import { runDetached, runWithActor, runWithContext } from '../core/store.ts';
import { as, type Bench, type ConformanceTest, expectWrites, INSERT, warm } from './bench.ts';

const A = { actor: actor.user('A'), correlationId: 'c-A' };

/** Queries that do their work when they are awaited: the context there counts, else the one where they were built. */
export const lazyTests: readonly ConformanceTest[] = [
  {
    name: 'a lazy query that is returned to runWithActor without await is executed inside',
    needs: ['lazy'],
    async run(bench) {
      const handle = await warmHandle(bench);
      await runWithActor(actor.user('A'), () => lazyWrite(bench, handle, 'one'));
      await runWithContext(A, () => lazyWrite(bench, handle, 'two'));
      const rows = await bench.admin("select label, actor ->> 'id' as actor from conformance.writes order by id");
      assert.deepEqual(
        rows.map((row) => [row['label'], row['actor']]),
        [
          ['one', 'A'],
          ['two', 'A'],
        ],
      );
    },
  },
  {
    name: 'a lazy query built in one context and awaited in another belongs to the second',
    needs: ['lazy'],
    async run(bench) {
      const handle = await warmHandle(bench);
      const { query } = runWithContext(A, () => ({ query: lazyWrite(bench, handle, 'one') }));
      await as('B', () => query);
      const { query: nobodys } = { query: lazyWrite(bench, handle, 'two') };
      await as('B', () => nobodys);
      await expectWrites(bench, { one: 'B', two: 'B' });
    },
  },
  {
    name: 'a lazy query built in a context and awaited in none belongs to the one it was built in',
    needs: ['lazy'],
    async run(bench) {
      const handle = await warmHandle(bench);
      const { query } = runWithContext(A, () => ({ query: lazyWrite(bench, handle, 'one') }));
      await query;
      const { query: second } = runWithContext(A, () => ({ query: lazyWrite(bench, handle, 'two') }));
      await runDetached(async () => await second);
      await expectWrites(bench, { one: 'A', two: 'A' });
    },
  },
  {
    name: 'a lazy query of a transaction belongs to the context that awaits it',
    needs: ['lazy'],
    async run(bench) {
      const handle = await warmHandle(bench);
      await as('A', () =>
        bench.harness.transaction(handle, async (tx) => {
          const built = { query: lazyWrite(bench, tx, 'one') };
          await as('B', () => built.query);
          await lazyWrite(bench, tx, 'two');
        }),
      );
      await expectWrites(bench, { one: 'B', two: 'A' });
    },
  },
  {
    name: 'ten lazy queries that are awaited together each belong to the context around their await',
    needs: ['lazy'],
    async run(bench) {
      const handle = await warmHandle(bench);
      const ids = [...'ABCDEFGHIJ'];
      await Promise.all(ids.map((id) => as(id, () => lazyWrite(bench, handle, id))));
      await expectWrites(bench, Object.fromEntries(ids.map((id) => [id, id])));
    },
  },
];

async function warmHandle(bench: Bench): Promise<unknown> {
  const handle = await bench.open(1);
  await warm(bench, handle);
  return handle;
}

function lazyWrite({ harness }: Bench, on: unknown, label: string): PromiseLike<unknown> {
  const query = harness.lazy?.(on, INSERT, [label]);
  assert.ok(query, 'the harness makes lazy queries');
  return query;
}
