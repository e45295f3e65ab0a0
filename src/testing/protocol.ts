import assert from 'node:assert/strict';
import { as, type Bench, type ConformanceTest, expectWrites, warm, write } from './bench.ts';
import { outcome } from './outcome.ts';

const BEGINNINGS = [
  'begin',
  'BEGIN;',
  'begin work',
  'start transaction',
  '/* traceparent */ begin',
  '-- a note\nbegin',
];
const SCRIPTED_BEGINNINGS = ['select 1; begin', 'begin; select 1', 'begin; commit; begin', 'abort; begin'];

/** Transaction control in all its spellings, and what else moves the settings. */
export const protocolTests: readonly ConformanceTest[] = [
  {
    name: 'BEGIN is recognised in every spelling',
    needs: ['session'],
    run: (bench) =>
      onSession(bench, async (connection) => {
        for (const [index, begin] of BEGINNINGS.entries()) {
          await bench.harness.run(connection, begin, []);
          await write(bench, connection, `first ${index}`);
          await write(bench, connection, `second ${index}`);
          await bench.harness.run(connection, 'commit', []);
        }
      }).then(() => expectAll(bench, BEGINNINGS.length * 2)),
  },
  {
    name: 'BEGIN is recognised among other statements of one text',
    needs: ['session', 'script'],
    run: (bench) =>
      onSession(bench, async (connection) => {
        for (const [index, begin] of SCRIPTED_BEGINNINGS.entries()) {
          await bench.harness.script?.(connection, begin);
          await write(bench, connection, `first ${index}`);
          await bench.harness.script?.(connection, 'commit; begin');
          await write(bench, connection, `second ${index}`);
          await bench.harness.run(connection, 'commit', []);
        }
      }).then(() => expectAll(bench, SCRIPTED_BEGINNINGS.length * 2)),
  },
  {
    name: 'COMMIT AND CHAIN and ROLLBACK AND CHAIN begin a transaction that is attributed',
    needs: ['session'],
    run: (bench) =>
      onSession(bench, async (connection) => {
        const { run } = bench.harness;
        await run(connection, 'begin', []);
        await write(bench, connection, 'one');
        await run(connection, 'commit and chain', []);
        await write(bench, connection, 'two');
        await run(connection, 'rollback and chain', []);
        await write(bench, connection, 'three');
        await run(connection, 'commit', []);
      }).then(() => expectWrites(bench, { one: 'A', three: 'A' })),
  },
  {
    name: 'RESET ALL inside a transaction does not lose the actor',
    async run(bench) {
      const handle = await bench.open(1);
      await as('A', () =>
        bench.harness.transaction(handle, async (tx) => {
          await write(bench, tx, 'one');
          await bench.harness.run(tx, 'reset all', []);
          await write(bench, tx, 'two');
        }),
      );
      await expectWrites(bench, { one: 'A', two: 'A' });
    },
  },
  {
    name: 'DISCARD ALL between two statements does not lose the actor',
    needs: ['session'],
    run: (bench) =>
      onSession(bench, async (connection) => {
        await write(bench, connection, 'one');
        await bench.harness.run(connection, 'discard all', []);
        await write(bench, connection, 'two');
      }).then(() => expectWrites(bench, { one: 'A', two: 'A' })),
  },
  {
    name: "a setting that the application's own SQL changes is written again before the next statement",
    async run(bench) {
      const handle = await bench.open(1);
      const forge = `select pg_catalog.set_config('threadline.actor_ref', '{"type":"user","id":"forged"}', true) as it`;
      await as('A', () =>
        bench.harness.transaction(handle, async (tx) => {
          await write(bench, tx, 'one');
          await bench.harness.run(tx, forge, []);
          await write(bench, tx, 'two');
          await bench.harness.run(tx, `set local threadline.actor_ref = '{"type":"user","id":"forged"}'`, []);
          await write(bench, tx, 'three');
        }),
      );
      await expectWrites(bench, { one: 'A', two: 'A', three: 'A' });
    },
  },
  {
    name: 'a function set_config of somebody else on the search path is not called',
    async run(bench) {
      const handle = await bench.open(1);
      for (const type of ['text', 'varchar'])
        await bench.admin(
          `create or replace function conformance.set_config(text, ${type}, boolean) returns text language sql as 'select null::text'`,
        );
      await as('A', () =>
        bench.harness.transaction(handle, async (tx) => {
          await bench.harness.run(tx, 'set local search_path = conformance, pg_catalog', []);
          await write(bench, tx, 'one');
        }),
      );
      await expectWrites(bench, { one: 'A' });
    },
  },
  {
    name: 'where the settings cannot be written the statement fails with the cause, and nothing is written',
    async run(bench) {
      const handle = await bench.open(1);
      const role = `conformance_${process.pid}`;
      await withoutSetConfig(bench, role, async () => {
        const failed = await outcome(() =>
          as('A', () =>
            bench.harness.transaction(handle, async (tx) => {
              await bench.harness.run(tx, `set local role ${role}`, []);
              await write(bench, tx, 'unattributed');
            }),
          ),
        );
        assert.match(messagesOf(failed.error), /set_config/);
      });
      await expectWrites(bench, {});
      await as('A', () => write(bench, handle, 'later'));
      await expectWrites(bench, { later: 'A' });
    },
  },
  {
    name: 'a deferred trigger that runs at COMMIT still sees the actor',
    async run(bench) {
      const handle = await bench.open(1);
      await as('A', () => bench.harness.run(handle, "insert into conformance.slow values ('alone')", []));
      await expectWrites(bench, { late: 'A' }, 'outside a transaction');
      await bench.admin('truncate conformance.writes');
      await as('B', () =>
        bench.harness.transaction(handle, (tx) =>
          Promise.resolve(bench.harness.run(tx, "insert into conformance.slow values ('together')", [])),
        ),
      );
      await expectWrites(bench, { late: 'B' }, 'inside a transaction');
    },
  },
];

async function onSession(bench: Bench, body: (connection: unknown) => Promise<void>): Promise<void> {
  const handle = await bench.open(1);
  await warm(bench, handle);
  await as('A', async () => await bench.harness.session?.(handle, body));
}

async function expectAll(bench: Bench, count: number): Promise<void> {
  const rows = await bench.admin(
    "select coalesce(actor ->> 'id', 'nobody') as actor, count(*)::text as count from conformance.writes group by 1",
  );
  assert.deepEqual(
    rows.map((row) => [row['actor'], row['count']]),
    [['A', String(count)]],
  );
}

/** Takes the right to call set_config from everybody but superusers, and makes a role that feels it. */
async function withoutSetConfig(bench: Bench, role: string, body: () => Promise<void>): Promise<void> {
  const setConfig = 'function pg_catalog.set_config(text, text, boolean)';
  await bench.admin(`create role ${role}`);
  await bench.admin(`grant usage on schema conformance to ${role}`);
  await bench.admin(`grant insert, select on conformance.writes to ${role}`);
  await bench.admin(`revoke execute on ${setConfig} from public`);
  try {
    await body();
  } finally {
    await bench.admin(`grant execute on ${setConfig} to public`);
    await bench.admin(`drop owned by ${role}`);
    await bench.admin(`drop role ${role}`);
  }
}

function messagesOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  return `${error.message} ${Object.values(error).join(' ')} ${messagesOf(error.cause)}`;
}
