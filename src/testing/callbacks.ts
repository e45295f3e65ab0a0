import { as, type Bench, type ConformanceTest, expectWrites, INSERT, warm, write } from './bench.ts';

const TEN = [...'ABCDEFGHIJ'];

/** What the driver calls back runs in the context of whoever handed it over, not of whoever opened the socket. */
export const callbackTests: readonly ConformanceTest[] = [
  {
    name: 'statements with a callback that wait for one warm connection each write as themselves',
    needs: ['callback'],
    async run(bench) {
      const handle = await bench.open(1);
      await warm(bench, handle);
      await Promise.all(TEN.map((id) => as(id, () => called(bench, handle, id))));
      await expectWrites(bench, Object.fromEntries(TEN.map((id) => [id, id])));
    },
  },
  {
    name: 'what a callback writes belongs to whoever passed it',
    needs: ['callback'],
    async run(bench) {
      const handle = await bench.open(1);
      await warm(bench, handle);
      const cascade = async (id: string) => {
        await new Promise<void>((resolve, reject) => {
          bench.harness.callback?.(handle, 'select 1 as one', [], (error) => {
            if (error) reject(error);
            else write(bench, handle, id).then(resolve, reject);
          });
        });
      };
      await Promise.all(TEN.map((id) => as(id, () => cascade(id))));
      await expectWrites(bench, Object.fromEntries(TEN.map((id) => [id, id])));
    },
  },
  {
    name: 'what is written for each row of a stream belongs to whoever reads it',
    needs: ['each'],
    async run(bench) {
      const reading = await bench.open(1);
      const writing = await bench.open(2);
      await warm(bench, reading);
      await warm(bench, writing);
      const text = 'select n::text as n from generate_series(1, 3) as n';
      const consume = async (id: string) => {
        const pending: Promise<void>[] = [];
        await bench.harness.each?.(reading, text, () => {
          pending.push(write(bench, writing, `${id}${pending.length}`));
        });
        await Promise.all(pending);
      };
      await Promise.all(['A', 'B', 'C'].map((id) => as(id, () => consume(id))));
      await expectWrites(
        bench,
        Object.fromEntries(['A', 'B', 'C'].flatMap((id) => [0, 1, 2].map((n) => [`${id}${n}`, id]))),
      );
    },
  },
  {
    name: 'a stream over a statement that writes is attributed',
    needs: ['each'],
    async run(bench) {
      const handle = await bench.open(1);
      await warm(bench, handle);
      const text = "insert into conformance.writes (label) values ('one'), ('two') returning label";
      await as('A', async () => await bench.harness.each?.(handle, text, () => {}));
      await expectWrites(bench, { one: 'A', two: 'A' });
    },
  },
];

function called({ harness }: Bench, handle: unknown, label: string): Promise<void> {
  return new Promise((resolve, reject) => {
    harness.callback?.(handle, INSERT, [label], (error) => (error ? reject(error) : resolve()));
  });
}
