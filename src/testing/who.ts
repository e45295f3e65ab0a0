import assert from 'node:assert/strict';
import { actor } from '../core/actor.ts';
import { runWithSerializedContext, serializeContext } from '../core/serialization.ts';
import { bindContext, currentActor, runDetached, runWithActor, runWithContext } from '../core/store.ts';
import { as, type ConformanceTest, expectWrites, warm, write, writes } from './bench.ts';
import { outcome } from './outcome.ts';

const TEN = [...'ABCDEFGHIJ'];
const THEMSELVES = Object.fromEntries(TEN.map((id) => [id, id]));

/** Each write belongs to the code that issued it. */
export const whoTests: readonly ConformanceTest[] = [
  {
    name: 'a statement on its own belongs to the code that issued it',
    async run(bench) {
      const handle = await bench.open();
      await as('A', () => write(bench, handle, 'one'));
      await as('B', () => write(bench, handle, 'two'));
      await expectWrites(bench, { one: 'A', two: 'B' });
    },
  },
  {
    name: 'ten contexts that wait for one warm connection each write as themselves',
    async run(bench) {
      const handle = await bench.open(1);
      await warm(bench, handle);
      await Promise.all(TEN.map((id) => as(id, () => write(bench, handle, id))));
      await expectWrites(bench, THEMSELVES);
    },
  },
  {
    name: 'ten transactions that wait for one warm connection each belong to their caller',
    async run(bench) {
      const handle = await bench.open(1);
      await warm(bench, handle);
      await Promise.all(TEN.map((id) => as(id, () => bench.harness.transaction(handle, (tx) => write(bench, tx, id)))));
      await expectWrites(bench, THEMSELVES);
    },
  },
  {
    name: 'a hundred statements on a small pool are all served, without another connection',
    async run(bench) {
      const handle = await bench.open(2);
      const labels = Array.from({ length: 100 }, (_, index) => `n${index}`);
      const pids = await Promise.all(
        labels.map((label) =>
          as(label, async () => {
            await write(bench, handle, label);
            return await bench.harness.run(handle, 'select pg_catalog.pg_backend_pid()::text as pid', []);
          }),
        ),
      );
      await expectWrites(bench, Object.fromEntries(labels.map((label) => [label, label])));
      assert.ok(new Set(pids.map(([row]) => row?.['pid'])).size <= 2, 'two connections in all');
    },
  },
  {
    name: 'the next borrower of a connection is nobody where it has no context',
    async run(bench) {
      const handle = await bench.open(1);
      await as('A', () => write(bench, handle, 'alone'));
      await write(bench, handle, 'after it');
      await as('B', () => bench.harness.transaction(handle, (tx) => write(bench, tx, 'together')));
      await write(bench, handle, 'after them');
      const setting = "select pg_catalog.current_setting('threadline.actor_ref', true) as value";
      const [left] = await bench.harness.run(handle, setting, []);
      assert.ok(left?.['value'] === '' || left?.['value'] === null, 'nothing is left in the session');
      await expectWrites(bench, { alone: 'A', 'after it': null, together: 'B', 'after them': null });
    },
  },
  {
    name: 'the next borrower of a connection on which something failed is nobody where it has no context',
    async run(bench) {
      const handle = await bench.open(1);
      const fail = (on: unknown) => bench.harness.run(on, "insert into conformance.strict values ('taken')", []);
      assert.ok((await outcome(() => as('A', () => fail(handle)))).error, 'the statement failed');
      await write(bench, handle, 'after one alone');
      const failing = () => bench.harness.transaction(handle, async (tx) => void (await fail(tx)));
      assert.ok((await outcome(() => as('B', failing))).error, 'the transaction failed');
      await write(bench, handle, 'after one in a transaction');
      await expectWrites(bench, { 'after one alone': null, 'after one in a transaction': null });
    },
  },
  {
    name: 'a statement issued right before its context ends belongs to it',
    async run(bench) {
      const handle = await bench.open(1);
      await warm(bench, handle);
      await as('B', async () => {
        const context = { actor: actor.user('A'), correlationId: 'c-A' };
        const { issued } = runWithContext(context, () => ({ issued: write(bench, handle, 'eager') }));
        await issued;
      });
      await expectWrites(bench, { eager: 'A' });
    },
  },
  {
    name: 'a job without an actor that follows one with an actor is nobody',
    async run(bench) {
      const handle = await bench.open(1);
      for (const job of ['A', null, 'B', null]) {
        const label = `job of ${job} ${(await writes(bench)).length}`;
        await (job === null ? write(bench, handle, label) : as(job, () => write(bench, handle, label)));
      }
      await expectWrites(bench, { 'job of A 0': 'A', 'job of null 1': null, 'job of B 2': 'B', 'job of null 3': null });
    },
  },
  {
    name: 'a timer that is set up detached during a request writes as nobody',
    async run(bench) {
      const handle = await bench.open();
      await as('A', async () => {
        await new Promise<void>((resolve, reject) => {
          void runDetached(() => setImmediate(() => write(bench, handle, 'tick').then(resolve, reject)));
        });
        await write(bench, handle, 'request');
      });
      await expectWrites(bench, { tick: null, request: 'A' });
    },
  },
  {
    name: 'work that was bound to its context keeps it, whoever runs it',
    async run(bench) {
      const handle = await bench.open();
      const queue: (() => Promise<void>)[] = [];
      for (const id of ['A', 'B'])
        await as(id, async () => void queue.push(bindContext(() => write(bench, handle, `work of ${id}`))));
      await as('C', () => Promise.all(queue.map((work) => work())));
      await expectWrites(bench, { 'work of A': 'A', 'work of B': 'B' });
    },
  },
  {
    name: 'changing what a context was made of changes nothing that waits',
    async run(bench) {
      const handle = await bench.open(1);
      await warm(bench, handle);
      const input = { actor: { type: 'user', id: 'A' } as { type: 'user'; id: string }, correlationId: 'c-A' };
      const waiting = as('B', () => write(bench, handle, 'first'));
      const changed = runWithContext(input, async () => await write(bench, handle, 'second'));
      input.actor.id = 'forged';
      input.correlationId = 'forged';
      await Promise.all([waiting, changed]);
      await expectWrites(bench, { first: 'B', second: 'A' });
    },
  },
  {
    name: 'a context that travelled as text writes as it did where it came from',
    async run(bench) {
      const handle = await bench.open();
      const text = await as('A', async () => serializeContext());
      await runWithSerializedContext(text, async () => await write(bench, handle, 'elsewhere'));
      await expectWrites(bench, { elsewhere: 'A' });
    },
  },
  {
    name: 'the runtime keeps the context through the then of a foreign object',
    async run() {
      const seen = await runWithActor(actor.user('A'), async () => {
        // biome-ignore lint/suspicious/noThenProperty: a foreign thenable is what is tested.
        return await { then: (resolve: (value: unknown) => void) => resolve(currentActor()) };
      });
      assert.deepEqual(seen, { type: 'user', id: 'A' });
    },
  },
];
