import fc from 'fast-check';
import type { Shape } from './replay-workload.ts';

/** A type of column with the SQL of its value number `n`, of which it has a few; some are equal, but not in bytes. */
interface ColumnType {
  readonly type: string;
  readonly value: (n: string) => string;
}

const TYPES: readonly ColumnType[] = [
  { type: 'int', value: (n) => `nullif(${n} % 4, 0)::int` },
  { type: 'bigint', value: (n) => `(9007199254740993 + ${n})::bigint` },
  { type: 'numeric', value: (n) => `(array['1.0', '1.00', 'NaN', '-0.5'])[1 + ${n} % 4]::numeric` },
  { type: 'float8', value: (n) => `(array['0', '-0', 'Infinity', '0.1'])[1 + ${n} % 4]::float8` },
  { type: 'text', value: (n) => `(array['', 'a', 'é😀"\\', null])[1 + ${n} % 4]` },
  { type: 'char(3)', value: (n) => `('c' || ${n} % 3)::char(3)` },
  { type: 'boolean', value: (n) => `${n} % 2 = 0` },
  { type: 'timestamptz', value: (n) => `timestamptz '2026-03-29 00:30:00.123456+00' + ${n} * interval '1 h'` },
  { type: 'interval', value: (n) => `(array['1 mon', '30 days', '720:00:00'])[1 + ${n} % 3]::interval` },
  { type: 'date', value: (n) => `(array['2026-01-01', '-infinity', '0044-03-15 BC'])[1 + ${n} % 3]::date` },
  { type: 'uuid', value: (n) => `md5((${n} % 5)::text)::uuid` },
  { type: 'bytea', value: (n) => `decode(lpad(to_hex(${n} % 7), 4, '0'), 'hex')` },
  { type: 'jsonb', value: (n) => `(array['{"a": 1.0}', '{"a": 1.00}', 'null', '[1]'])[1 + ${n} % 4]::jsonb` },
  { type: 'json', value: (n) => `(array['{"a": 1}', '"\\u0000"', '{"b":2}'])[1 + ${n} % 3]::json` },
  { type: 'int[]', value: (n) => `array[${n} % 3, null]` },
  { type: 'int4range', value: (n) => `int4range(${n} % 3, ${n} % 3 + 5)` },
  { type: 'inet', value: (n) => `('10.0.0.' || ${n} % 9)::inet` },
];

const KEYS: readonly ColumnType[] = [
  { type: 'int', value: (n) => `(${n})::int` },
  { type: 'text', value: (n) => `'k' || (${n})` },
  { type: 'numeric', value: (n) => `(${n})::numeric / 10` },
  { type: 'uuid', value: (n) => `md5((${n})::text)::uuid` },
  { type: 'timestamptz', value: (n) => `timestamptz 'epoch' + (${n}) * interval '1 microsecond'` },
];

const NAMES = ['plain', 'Mixed Case', 'quo"te', "it's", '😀', 'select', 'back\\slash', 'new', 'changed', 'key', 't'];

/**
 * Has a trigger leave in the rows that it writes whose statement it runs in, as the statements do: a row that it moves
 * to another partition is inserted there by them, whoever wrote it before.
 */
const SIGNED = `written_by = current_setting('threadline.actor_ref')::json ->> 'id'`;

/** What a table is like. `log` tells a statement's own name to its rows. */
export interface TableSpec {
  readonly key: ColumnType | undefined;
  readonly isComposite: boolean;
  readonly columns: readonly { readonly name: string; readonly type: ColumnType }[];
  readonly kind: 'plain' | 'partitioned' | 'unlogged';
  readonly trigger: 'none' | 'before' | 'after' | 'siblings';
  readonly hasGenerated: boolean;
  readonly images: 'full' | 'changed';
}

/** A random table. */
export const tableSpec: fc.Arbitrary<TableSpec> = fc.record({
  key: fc.option(fc.constantFrom(...KEYS), { nil: undefined, freq: 6 }),
  isComposite: fc.boolean(),
  columns: fc
    .uniqueArray(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 5 })
    .chain((names) => fc.tuple(...names.map((name) => fc.constantFrom(...TYPES).map((type) => ({ name, type }))))),
  kind: fc.constantFrom('plain', 'plain', 'partitioned', 'unlogged'),
  trigger: fc.constantFrom('none', 'none', 'before', 'after', 'siblings'),
  hasGenerated: fc.boolean(),
  images: fc.constantFrom('full', 'changed'),
});

/** How a table of that kind is made, and the statements that are made on it. */
export function shapeOf(spec: TableSpec, table: string): Shape {
  return { table, ddl: ddlOf(spec, table), statements: statementsOf(spec, table) };
}

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;

function ddlOf({ key, isComposite, columns, kind, trigger, hasGenerated }: TableSpec, table: string): string {
  const parts = [
    'n int not null',
    'written_by text',
    ...(key === undefined ? [] : [`id ${key.type}`]),
    ...columns.map(({ name, type }) => `${quote(name)} ${type.type}`),
    ...(hasGenerated ? ['doubled int generated always as (n * 2) stored'] : []),
    ...(key === undefined
      ? []
      : [
          `primary key (id${isComposite || kind === 'partitioned' ? ', n' : ''})${kind === 'partitioned' ? '' : ' deferrable'}`,
        ]),
  ];
  const partitions =
    kind === 'partitioned'
      ? `create table ${table}_low partition of ${table} for values from (minvalue) to (6);
         create table ${table}_high partition of ${table} default`
      : '';
  const fn = {
    none: '',
    before: `create function ${table}_fn() returns trigger language plpgsql as $$ begin new.n := new.n + 0; return new; end $$;
      create trigger own before insert or update on ${table} for each row execute function ${table}_fn()`,
    // Writes to the row that fired it, once.
    after: `create function ${table}_fn() returns trigger language plpgsql as $$ begin
        if pg_trigger_depth() = 1 then
          update ${table} set n = n where n = new.n; update ${table} set n = n + 20, ${SIGNED} where n = new.n and n < 3;
        end if; return null; end $$;
      create trigger own after insert on ${table} for each row execute function ${table}_fn()`,
    // Writes to other rows, also to those of the same statement that are yet to be captured, once.
    siblings: `create function ${table}_fn() returns trigger language plpgsql as $$ begin
        if pg_trigger_depth() = 1 then update ${table} set n = n + 40, ${SIGNED} where n > new.n and n < 12; end if;
        return null;
      end $$;
      create trigger own after insert or update on ${table} for each row execute function ${table}_fn()`,
  }[trigger];
  return `
    create ${kind === 'unlogged' ? 'unlogged' : ''} table ${table} (${parts.join(', ')})
    ${kind === 'partitioned' ? 'partition by range (n)' : ''};
    ${partitions};
    ${fn}`;
}

/** `:by` stands for who writes, which every statement leaves in the rows that it writes. */
function statementsOf({ key, columns, kind, isComposite }: TableSpec, table: string): Shape['statements'] {
  const names = ['n', 'written_by', ...(key === undefined ? [] : ['id']), ...columns.map(({ name }) => quote(name))];
  const values = (n: string) =>
    [n, ':by', ...(key === undefined ? [] : [key.value(n)]), ...columns.map(({ type }) => type.value(n))].join(', ');
  const [first] = columns;
  const set = (n: string) =>
    first === undefined ? 'written_by = :by' : `${quote(first.name)} = ${first.type.value(n)}, written_by = :by`;
  const insert = (rows: string) => `insert into ${table} (${names.join(', ')}) select ${values('g')} from ${rows}`;
  const series = (a: number, b: number) => `generate_series(${a}, ${a + (b % 5)}) g`;
  const statements = [
    (a: number, b: number) => insert(series(a, b)),
    (a: number, b: number) => `${insert(series(a, b))} on conflict do nothing`,
    (a: number, b: number) => `update ${table} set ${set(`${b}`)} where n % 3 = ${a % 3}`,
    (a: number) => `update ${table} set n = n, written_by = written_by where n > ${a}`,
    (a: number) => `delete from ${table} where n % 5 = ${a % 5}`,
    (a: number, b: number) =>
      `with gone as (delete from ${table} where n = ${a} returning *)
       insert into ${table} (${names.join(', ')}) select ${values(`gone.n + ${b}`)} from gone`,
    (a: number, b: number) => `update ${table} set n = n + ${a}, written_by = :by where n = ${b}`,
  ];
  if (key !== undefined) {
    const target = isComposite || kind === 'partitioned' ? '(id, n)' : '(id)';
    if (kind === 'partitioned')
      statements.push((a, b) => `${insert(series(a, b))} on conflict ${target} do update set written_by = :by`);
    statements.push(
      (a, b) =>
        `update ${table} t set id = ${key.value(`${a + b} - t.n`)}, n = ${a + b} - t.n, written_by = :by where n in (${a}, ${b})`,
      (a, b) => `update ${table} set id = ${key.value(`n + ${100 * a}`)}, written_by = :by where n = ${b}`,
    );
  }
  if (kind === 'partitioned')
    statements.push(
      (a) => `delete from ${table}_low where n = ${a}`,
      (a, b) => insert(`generate_series(${7 + a}, ${7 + a + (b % 2)}) g`).replace(table, `${table}_high`),
      () => `truncate ${table}_low`,
    );
  return statements;
}
