import fc from 'fast-check';
import pg from 'pg';

/** A table of some shape and the statements that a random workload makes on it. */
export interface Shape {
  readonly table: string;
  readonly ddl: string;
  /** Statements out of two small numbers; any may fail, which rolls back to the savepoint before it. */
  readonly statements: readonly ((a: number, b: number) => string)[];
}

export const SHAPES: readonly Shape[] = [
  {
    table: 'with_serial_key',
    ddl: `create table with_serial_key (
      id serial primary key deferrable, name text, amount numeric, seen timestamptz, doc jsonb)`,
    statements: [
      (a, b) =>
        `insert into with_serial_key (name, amount, seen) values ('n${a}', ${a}.${b}0, '2026-01-01'::timestamptz + '${b} h')`,
      (a, b) => `insert into with_serial_key (id, name) values (${a}, 'given') on conflict do nothing -- ${b}`,
      (a, b) =>
        `insert into with_serial_key (name, doc) select 'bulk ' || g, jsonb_build_object('g', g) from generate_series(1, ${b}) g -- ${a}`,
      (a, b) => `update with_serial_key set amount = coalesce(amount, 0) + ${b} where id % 5 = ${a % 5}`,
      (a) => `update with_serial_key set amount = amount * 1.0 where id % 3 = ${a % 3}`,
      (a, b) => `update with_serial_key set id = ${a + b} - id where id in (${a}, ${b})`,
      (a) => `update with_serial_key set id = id + 1000 where id = ${a}`,
      (a) => `delete from with_serial_key where id % 7 = ${a % 7}`,
      () => 'update with_serial_key set name = name',
    ],
  },
  {
    table: 'with_composite_key',
    ddl: `create table with_composite_key (tenant text, number int, note text, tags text[], primary key (tenant, number))`,
    statements: [
      (a, b) => `insert into with_composite_key values ('t${a % 3}', ${b}, 'first', array['x'])
                 on conflict (tenant, number) do update set note = 'upserted ' || excluded.number, tags = null`,
      (a, b) =>
        `insert into with_composite_key select 't' || g, ${a}, 'bulk' from generate_series(1, ${b}) g on conflict do nothing`,
      (a, b) => `update with_composite_key set note = 'u${b}' where tenant = 't${a % 3}'`,
      (a, b) => `update with_composite_key set number = number + ${a * 20 + b} where tenant = 't${b % 3}'`,
      (a, b) => `update with_composite_key set tenant = 'moved${a}' where number = ${b}`,
      (a, b) => `with gone as (delete from with_composite_key where number = ${a} returning *)
                 insert into with_composite_key select tenant, number + 500, 'again', tags from gone on conflict do nothing -- ${b}`,
      (a) => `delete from with_composite_key where tenant = 't${a % 3}'`,
    ],
  },
  {
    table: 'without_key',
    ddl: `create table without_key (word text, number float8)`,
    statements: [
      (a, b) => `insert into without_key values ('same', ${a % 2}), ('same', ${a % 2}), ('w${b}', null)`,
      (a) => `insert into without_key select word, number from without_key where number = ${a % 2} limit 3`,
      (a) => `update without_key set number = 1 - number where number = ${a % 2}`,
      (a, b) => `update without_key set word = word || '${b}' where word = 'w${a}'`,
      (a) => `delete from without_key where ctid in (select ctid from without_key where number = ${a % 2} limit 1)`,
      (a) => `delete from without_key where word like 'w${a}%'`,
    ],
  },
];

/** What one session does next. */
export type Step =
  | {
      readonly kind: 'write';
      readonly session: number;
      readonly statement: number;
      readonly a: number;
      readonly b: number;
    }
  | {
      readonly kind: 'begin' | 'commit' | 'rollback' | 'savepoint' | 'rollback to' | 'truncate';
      readonly session: number;
    };

const small = fc.integer({ min: 1, max: 12 });
const session = fc.integer({ min: 0, max: 2 });
const write: fc.Arbitrary<Step> = fc.record({
  kind: fc.constant('write' as const),
  session,
  statement: fc.nat({ max: 100 }),
  a: small,
  b: small,
});
const control: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom('begin', 'commit', 'rollback', 'savepoint', 'rollback to'),
  session,
});
const truncate: fc.Arbitrary<Step> = fc.record({ kind: fc.constant('truncate' as const), session });

/** A workload of up to 40 steps over three sessions. */
export const workload: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof({ weight: 8, arbitrary: write }, { weight: 4, arbitrary: control }, { weight: 1, arbitrary: truncate }),
  { minLength: 5, maxLength: 40 },
);

/** Opens the connection of one session, which gives up soon on what another one holds. */
export async function openSession(connectionString: string, lockTimeout: string): Promise<pg.Client> {
  const options = `-c lock_timeout=${lockTimeout} -c deadlock_timeout=50ms`;
  const client = new pg.Client({ connectionString, options });
  client.on('notice', () => {});
  await client.connect();
  return client;
}

/** The statement of a step on a table of a shape. */
export function statementOf({ table, statements }: Shape, step: Step): string {
  if (step.kind === 'write')
    return (statements[step.statement % statements.length] as Shape['statements'][0])(step.a, step.b);
  if (step.kind === 'savepoint') return 'savepoint here';
  if (step.kind === 'rollback to') return 'rollback to savepoint here';
  return step.kind === 'truncate' ? `truncate ${table}` : step.kind;
}

/** Sends a statement. That it fails, for a duplicate key, a lock or a deadlock, is one of the things that happen. */
export async function attempt(client: pg.Client, text: string): Promise<void> {
  const failed = await client.query(text).then(
    () => false,
    () => true,
  );
  if (failed) await client.query('rollback to savepoint here').catch(() => client.query('rollback'));
}
