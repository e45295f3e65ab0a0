import assert from 'node:assert/strict';
import { as, type Bench, type ConformanceTest, expectWrites, INSERT, write } from './bench.ts';
import { outcome } from './outcome.ts';

/** Texts that write one row named `hidden`, by what hides it. */
const HIDDEN_WRITES: Readonly<Record<string, string>> = {
  'a function in SELECT': "select conformance.write('hidden') as label",
  'a function in VALUES': "values (conformance.write('hidden'))",
  'a query in parentheses': "(select conformance.write('hidden') as label)",
  'a WITH clause':
    "with made as (insert into conformance.writes (label) values ('hidden') returning label) select label from made",
  'EXPLAIN ANALYZE': "explain analyze insert into conformance.writes (label) values ('hidden')",
  'a DO block': "do $$ begin insert into conformance.writes (label) values ('hidden'); end $$",
  'a procedure': "call conformance.write_procedure('hidden')",
  'a block comment': "/* insert */ /* /* nested */ */ insert into conformance.writes (label) values ('hidden')",
  'a line comment': "-- select\ninsert into conformance.writes (label) values ('hidden')",
  'upper case and white space': "\n\t INSERT\n INTO conformance.writes(label)VALUES('hidden')",
  'CREATE TABLE AS': "create table conformance.made as select conformance.write('hidden') as label",
  'SELECT INTO': "select conformance.write('hidden') as label into conformance.made",
  'a quoted name': 'select "conformance"."write"(\'hidden\') as label',
};

/** Texts that write to a table that notes the operations, by what they are; each with what is noted. */
const OPERATIONS: Readonly<Record<string, readonly [text: string, ...noted: string[]]>> = {
  'an UPDATE': ["update conformance.watched set label = 'other'", 'update'],
  'a DELETE': ['delete from conformance.watched', 'delete'],
  'a TRUNCATE': ['truncate conformance.watched', 'truncate'],
  'an INSERT … ON CONFLICT DO UPDATE': [
    "insert into conformance.watched values ('new') on conflict (label) do update set label = 'other'",
    'insert',
    'update',
  ],
  'a DELETE in a WITH clause': [
    'with gone as (delete from conformance.watched returning label) select label from gone',
    'delete',
  ],
};

const SCRIPT = `
  insert into conformance.writes (label) values ('first');
  begin; insert into conformance.writes (label) values ('second'); commit;
  begin; insert into conformance.writes (label) values ('third'); commit`;

const NOT_IN_A_TRANSACTION = [
  'vacuum conformance.strict',
  'create index concurrently strict_number on conformance.strict (number)',
  'reindex index concurrently conformance.strict_number',
  'drop index concurrently conformance.strict_number',
  'discard all',
];

/** Whatever a text looks like: if it writes it is attributed, and if it cannot run in a transaction it still runs. */
export const statementTests: readonly ConformanceTest[] = [
  ...Object.entries(HIDDEN_WRITES).map(
    ([where, text]): ConformanceTest => ({
      name: `a write hidden in ${where} is attributed`,
      async run(bench) {
        const handle = await bench.open(1);
        await as('A', () => bench.harness.run(handle, text, []));
        await expectWrites(bench, { hidden: 'A' });
      },
    }),
  ),
  ...Object.entries(OPERATIONS).map(
    ([what, [text, ...noted]]): ConformanceTest => ({
      name: `${what} is attributed, alone and in a transaction`,
      async run(bench) {
        const handle = await bench.open(1);
        await as('A', () => bench.harness.run(handle, text, []));
        await expectWrites(bench, Object.fromEntries(noted.map((label) => [label, 'A'])), 'outside a transaction');
        await bench.admin('truncate conformance.watched');
        await bench.admin('truncate conformance.writes');
        await as('B', () =>
          bench.harness.transaction(handle, async (tx) => void (await bench.harness.run(tx, text, []))),
        );
        await expectWrites(bench, Object.fromEntries(noted.map((label) => [label, 'B'])), 'inside a transaction');
      },
    }),
  ),
  {
    name: 'what a cursor writes belongs to whoever fetches from it',
    async run(bench) {
      const handle = await bench.open(1);
      await bench.harness.transaction(handle, async (tx) => {
        const declare = `declare conformance_cursor cursor for
          select conformance.write('number ' || n) from generate_series(1, 2) as n`;
        await as('C', () => bench.harness.run(tx, declare, []));
        await as('A', () => bench.harness.run(tx, 'fetch 1 from conformance_cursor', []));
        await as('B', () => bench.harness.run(tx, 'fetch 1 from conformance_cursor', []));
      });
      await expectWrites(bench, { 'number 1': 'A', 'number 2': 'B' });
    },
  },
  {
    name: 'a statement that the driver prepares under a name is attributed each time',
    needs: ['named'],
    async run(bench) {
      const handle = await bench.open(1);
      const named = (on: unknown, label: string) => async () =>
        void (await bench.harness.named?.(on, 'conformance_named', INSERT, [label]));
      await as('A', named(handle, 'first'));
      await as('B', named(handle, 'second'));
      await as('C', () =>
        bench.harness.transaction(handle, async (tx) => {
          await named(tx, 'third')();
          await as('D', named(tx, 'fourth'));
        }),
      );
      await expectWrites(bench, { first: 'A', second: 'B', third: 'C', fourth: 'D' });
    },
  },
  {
    name: 'MERGE is attributed',
    async run(bench) {
      const [server] = await bench.admin("select current_setting('server_version_num') as version");
      if (Number(server?.['version']) < 150_000) return bench.note('this server has no MERGE');
      const handle = await bench.open(1);
      const merge = `merge into conformance.writes w using (values ('merged')) as s (label) on w.label = s.label
        when not matched then insert (label) values (s.label)`;
      await as('A', () => bench.harness.run(handle, merge, []));
      await expectWrites(bench, { merged: 'A' });
    },
  },
  {
    name: 'a statement prepared in SQL is attributed when it is executed',
    async run(bench) {
      const handle = await bench.open(1);
      await bench.harness.transaction(handle, async (tx) => {
        const prepare = `prepare conformance_write as
          insert into conformance.writes (label) select 'number ' || count(*) from conformance.writes`;
        await bench.harness.run(tx, prepare, []);
        await as('A', () => bench.harness.run(tx, 'execute conformance_write', []));
        await as('B', () => bench.harness.run(tx, 'execute conformance_write', []));
        await bench.harness.run(tx, 'deallocate conformance_write', []);
      });
      await expectWrites(bench, { 'number 0': 'A', 'number 1': 'B' });
    },
  },
  {
    name: 'every statement of a text of several is attributed, also across its own transactions',
    needs: ['script'],
    async run(bench) {
      const handle = await bench.open(1);
      await as('A', async () => await bench.harness.script?.(handle, SCRIPT));
      await expectWrites(bench, { first: 'A', second: 'A', third: 'A' });
      await as(
        'B',
        async () => await bench.harness.script?.(handle, "insert into conformance.writes values (default, 'alone')"),
      );
      await write(bench, handle, 'after it');
      await expectWrites(bench, { first: 'A', second: 'A', third: 'A', alone: 'B', 'after it': null });
    },
  },
  {
    name: 'what cannot run in a transaction still runs, and leaves the connection attributed',
    async run(bench) {
      const handle = await bench.open(1);
      await as('A', async () => {
        for (const text of NOT_IN_A_TRANSACTION) {
          await bench.harness.run(handle, text, []);
          await write(bench, handle, text);
        }
      });
      await expectWrites(bench, Object.fromEntries(NOT_IN_A_TRANSACTION.map((text) => [text, 'A'])));
    },
  },
  {
    name: 'a procedure that commits inside keeps working, and no part of it counts for somebody else',
    async run(bench) {
      const handle = await bench.open(1);
      await as('B', () => write(bench, handle, 'earlier'));
      await as('A', () => bench.harness.run(handle, 'call conformance.commit_between()', []));
      const rows = await byLabel(bench);
      assert.deepEqual(Object.keys(rows), ['after', 'before', 'earlier']);
      assert.ok([null, 'A'].includes(rows['before'] ?? null), 'before');
      // A pooler gives the connection away at COMMIT. Set before each statement and reset behind it, it would show nowhere else.
      assert.equal(rows['after'], null, 'what is set must not outlive its transaction');
    },
  },
  {
    name: 'a constraint that is checked at COMMIT rejects a statement outside a transaction',
    async run(bench) {
      const handle = await bench.open(1);
      const orphan = () => bench.harness.run(handle, 'insert into conformance.children (parent) values (42)', []);
      assert.ok((await outcome(() => as('A', orphan))).error, 'the statement was refused');
      await as('A', () => write(bench, handle, 'later'));
      await expectWrites(bench, { later: 'A' });
    },
  },
];

async function byLabel(bench: Bench): Promise<Readonly<Record<string, string | null>>> {
  const rows = await bench.admin("select label, actor ->> 'id' as actor from conformance.writes order by label");
  return Object.fromEntries(rows.map((row) => [String(row['label']), row['actor'] as string | null]));
}
