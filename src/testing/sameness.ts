import assert from 'node:assert/strict';
import { as, type Bench, type ConformanceTest, write } from './bench.ts';
import { describeValue, type Outcome, outcome } from './outcome.ts';

type Statement = readonly [text: string, ...values: string[]];

const SUCCEEDING: readonly Statement[] = [
  [
    `select 1 as one, 'x' as text, null as nothing, true as yes, 1.50::numeric as number, 9007199254740993 as big,
       '{1,2}'::int[] as list, '{"a":[1]}'::jsonb as json, '2020-02-03T04:05:06.789Z'::timestamptz as at, '\\x00ff'::bytea as bytes`,
  ],
  ['select $1::text as echo', "it's ? $1 é 😀"],
  ['select n from generate_series(1, 3) as n'],
  ['select label from conformance.strict where label = $1', 'absent'],
  ['values (1, 2), (3, 4)'],
  ['insert into conformance.writes (label) values ($1)', 'a'],
  ['insert into conformance.writes (label) values ($1), ($2) returning label', 'b', 'c'],
  ['update conformance.writes set label = label where label = $1', 'absent'],
  ['update conformance.writes set label = $1 where label = $2 returning label', 'd', 'b'],
  ["with made as (insert into conformance.writes (label) values ('e') returning label) select label from made"],
  ["select conformance.write('f') as written"],
  ['delete from conformance.writes where label = $1', 'd'],
  ['create table conformance.made (id int)'],
  ['comment on table conformance.made is null'],
  ['drop table conformance.made'],
];

const FAILING: readonly Statement[] = [
  ['selec 1'],
  ['select 1 as one,\n  missing\nfrom conformance.strict'],
  ['select * from conformance.absent'],
  ['insert into conformance.strict (label) values ($1)', 'taken'],
  ['insert into conformance.strict (label) values ($1)', 'much too long'],
  ['insert into conformance.strict (label, number) values ($1, null)', 'null'],
  ['update conformance.strict set number = number / 0'],
  ['select $1::int as number', 'no number'],
  ['select conformance.refuse() as refused'],
  ['insert into conformance.absent (label) values ($1)', 'x'],
  ['insert into conformance.strict (label, label) values ($1, $2)', 'x', 'y'],
];

/** With and without the adapter, the application sees the same. */
export const samenessTests: readonly ConformanceTest[] = [
  {
    name: 'results are the same with and without the adapter',
    run: (bench) => compare(bench, (handle) => series(SUCCEEDING, (statement) => result(bench, handle, statement))),
  },
  {
    name: 'results inside a transaction are the same with and without the adapter',
    run: (bench) =>
      compare(bench, async (handle) =>
        bench.harness.transaction(handle, (tx) => series(SUCCEEDING, (statement) => result(bench, tx, statement))),
      ),
  },
  {
    name: 'errors are the same with and without the adapter, down to their position',
    run: (bench) => compare(bench, (handle) => series(FAILING, (statement) => result(bench, handle, statement))),
  },
  {
    name: 'errors inside a transaction are the same with and without the adapter',
    run: (bench) =>
      compare(bench, (handle) =>
        series(FAILING, (statement) =>
          outcome(() => bench.harness.transaction(handle, (tx) => Promise.resolve(run(bench, tx, statement)))),
        ),
      ),
  },
  {
    name: 'a transaction that failed goes on failing as before, and its first error is the one that is seen',
    run: (bench) =>
      compare(bench, async (handle) => {
        const seen: Outcome[] = [];
        const whole = await outcome(() =>
          bench.harness.transaction(handle, async (tx) => {
            await write(bench, tx, 'lost');
            seen.push(await outcome(() => run(bench, tx, ['select 1 / 0 as broken'])));
            seen.push(await outcome(() => run(bench, tx, ['select 1 as one'])));
            seen.push(await outcome(() => write(bench, tx, 'lost too')));
            throw seen[0]?.error;
          }),
        );
        await write(bench, handle, 'next');
        return [...seen, whole, await run(bench, handle, ['select label from conformance.writes'])];
      }),
  },
  {
    name: 'a text of several statements gives the same results and errors with and without the adapter',
    needs: ['script'],
    run: (bench) =>
      compare(bench, (handle) =>
        series(
          [
            [
              "insert into conformance.writes (label) values ('a'); select 1 as one; update conformance.writes set label = 'b'",
            ],
            [
              "begin; insert into conformance.writes (label) values ('c'); commit; select label from conformance.writes",
            ],
            ["insert into conformance.writes (label) values ('d'); select * from conformance.absent"],
            ["insert into conformance.writes (label) values ('e'); selec 1"],
            ["begin; insert into conformance.writes (label) values ('é😀'); commit; select * from conformance.absent"],
            ["select 'é😀' as face; insert into conformance.absent values (1)"],
          ],
          ([text]) => outcome(async () => await bench.harness.script?.(handle, text)),
        ),
      ),
  },
];

/** Runs the same on a handle with the adapter, in a context, and on one without. */
async function compare(bench: Bench, body: (handle: unknown) => PromiseLike<unknown>): Promise<void> {
  const empty = 'truncate conformance.writes restart identity';
  const rawHandle = await bench.openRaw(1);
  await bench.harness.run(rawHandle, empty, []);
  const raw = await body(rawHandle);
  const handle = await bench.open(1);
  await bench.harness.run(handle, empty, []);
  const attributed = await as('A', () => body(handle));
  assert.deepStrictEqual(describeValue(attributed), describeValue(raw));
}

async function series<T>(items: readonly Statement[], each: (item: Statement) => PromiseLike<T>): Promise<T[]> {
  const results: T[] = [];
  for (const item of items) results.push(await each(item));
  return results;
}

function result({ harness }: Bench, on: unknown, [text, ...values]: Statement): Promise<Outcome> {
  return outcome(() => (harness.result ?? harness.run).call(harness, on, text, values));
}

function run({ harness }: Bench, on: unknown, [text, ...values]: Statement): PromiseLike<unknown> {
  return harness.run(on, text, values);
}
