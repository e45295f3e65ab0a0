import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { scanStatement } from '../../src/core/scanner.ts';

const kinds = (text: string) => scanStatement(text).statements.map((statement) => statement.kind);

describe('transaction control and what cannot run in a transaction is sent untouched', () => {
  for (const text of [
    'begin',
    'BEGIN ISOLATION LEVEL SERIALIZABLE',
    '/* trace */ begin',
    '-- x\nbegin',
    'start transaction',
    'commit',
    'end',
    'rollback',
    'abort',
    'rollback to savepoint s',
    'savepoint s',
    'release s',
    "prepare transaction 'x'",
    "commit prepared 'x'",
    'commit and chain',
    'set x = 1',
    'set local x = 1',
    'reset all',
    'show all',
    'lock table t',
    'listen c',
    'unlisten *',
    'notify c',
    'discard all',
    'vacuum',
    'VACUUM (analyze) t',
    'create database d',
    'drop database d',
    "create tablespace s location '/'",
    'alter system set x = 1',
    'create unique index concurrently i on t (a)',
    'drop index concurrently i',
    'reindex table t',
    'alter table t detach partition p concurrently',
    "create subscription s connection '' publication p",
    'cluster',
    'checkpoint',
    'analyze t',
    "load 'x'",
    'prepare p as insert into t values (1)',
    'deallocate p',
    'declare c cursor for select 1',
    'close c',
    'begin; commit',
  ])
    test(text, () => assert.equal(scanStatement(text).kind, 'untouched'));
});

describe('what provably cannot write is a read', () => {
  for (const text of [
    'select 1',
    '(select 1) union (select 2)',
    'values (1)',
    'table t',
    'select count(*), max(a) from t where b in (1, 2)',
    'with x as (select 1) select * from x',
    'with x as materialized (select 1) select * from x',
    'select * from t for update',
    'select * from t for no key update of t skip locked',
    'select coalesce(a, lower(b)) from t',
    "select 'insert into t'",
    'select "delete" from "update"',
    'select pg_catalog.lower(a) from t',
    'select row_number() over (partition by a order by b) from t',
    'select count(*) filter (where a) from t',
    'select $x$ insert $x$',
    'select 1 -- insert',
    '/* insert /* nested */ */ select 1',
    "select a::numeric(10, 2), E'it\\'s' from t",
    'select exists (select 1), a = any ($1) from t',
    'select x from t1 join t2 using (id)',
    '',
    ' -- nothing',
    ';;',
    'select 1; select 2;',
    'copy t to stdout',
    'copy t (a, b) to stdout',
    'copy (select a from t) to stdout',
    "select date_trunc('day', now())",
  ])
    test(text, () => assert.equal(scanStatement(text).kind, 'read'));
});

describe('everything else may write', () => {
  for (const text of [
    'insert into t values (1)',
    'update t set a = 1',
    'delete from t',
    'merge into t using s on a = b when matched then delete',
    'truncate t',
    'call p()',
    'do $$ begin end $$',
    'execute p',
    'explain analyze insert into t values (1)',
    'select my_function()',
    'select public.lower(a) from t',
    'select "lower"(a) from t',
    'with x as (insert into t values (1) returning *) select * from x',
    'with x as (update t set a = 1 returning *) select * from x',
    'with x as (delete from t returning *) select * from x',
    'with x as (update t set a = 1) select * from t for update',
    'select * into t2 from t',
    'create table t2 as select 1',
    'copy t from stdin',
    'copy t ("a", to_) from stdin',
    'copy (delete from t returning *) to stdout',
    "copy t to program 'cat'",
    'refresh materialized view v',
    'create table t (a int)',
    'drop table t',
    "select nextval('s')",
    "select set_config('a.b', 'c', true)",
    'select pg_notify($1, $2)',
    'select 1; insert into t values (1)',
    'begin; insert into t values (1); commit',
    '(((insert',
    '/**/insert into t values (1)',
    'fetch all from c',
    'declare c cursor with hold for select f()',
    'select over(1)',
    'select filter(1)',
    'select materialized(1)',
    'select pg_catalog.my_function()',
    "copy (select 'a\\' || f()) to stdout",
    "select 'a\\' || f()",
    'grant select on t to r',
    'unknown words',
    "select query_to_xml('x', true, true, '')",
  ])
    test(text, () => assert.equal(scanStatement(text).kind, 'write'));
});

test('the statements of a script are told apart, whatever their literals and bodies hold', () => {
  assert.deepEqual(kinds("begin; insert into t values ('; commit;'); commit"), ['untouched', 'write', 'untouched']);
  assert.deepEqual(kinds('select 1; do $a$ begin; commit; end $a$; select 2'), ['read', 'write', 'read']);
  assert.deepEqual(
    kinds('create function f() returns int begin atomic select 1; select case when true then 1 end; end; begin'),
    ['write', 'untouched'],
  );
  assert.deepEqual(kinds('select "a;b" /* ; */ -- ;\n; begin'), ['read', 'untouched']);
  assert.deepEqual(kinds("select E'\\';'; begin"), ['read', 'untouched']);
});

test('CALL and DO may commit; COPY TO STDOUT is told; a text that is not there may do anything', () => {
  assert.equal(scanStatement('/* x */ call p(1)').mayCommit, true);
  assert.equal(scanStatement('do $$ begin commit; end $$').mayCommit, true);
  assert.equal(scanStatement('insert into t values (1)').mayCommit, false);
  assert.equal(scanStatement('copy (insert into t values (1) returning a) to stdout').copiesOut, true);
  assert.equal(scanStatement('copy t to stdout; select 1').copiesOut, false);
  const { kind, changesSettings, hasParameters, certain } = scanStatement(undefined);
  assert.deepEqual(
    { kind, changesSettings, hasParameters, certain },
    { kind: 'write', changesSettings: true, hasParameters: true, certain: false },
  );
});

test('a backslash in a plain string leaves the borders certain where it stands in front of no quote', () => {
  for (const text of [String.raw`select 'C:\dir'`, String.raw`select 'it''s \d+', 'x\\'`]) {
    assert.equal(scanStatement(text).certain, true, text);
    assert.equal(scanStatement(text).kind, 'read', text);
  }
  const script = String.raw`begin; insert into t values ('C:\dir'); commit`;
  assert.deepEqual(kinds(script), ['untouched', 'write', 'untouched']);
  assert.equal(scanStatement(script).certain, true);
  for (const text of [
    String.raw`select 'a\'`,
    String.raw`select 'a\'b'`,
    String.raw`select '\'''`,
    String.raw`select 'a\\\'`,
  ])
    assert.equal(scanStatement(text).certain, false, text);
});

test('a backslash in front of the end of a plain string makes the borders uncertain, and never a read', () => {
  assert.equal(scanStatement("select '\\'").certain, false);
  assert.equal(scanStatement("select '\\'").kind, 'write');
  assert.equal(scanStatement("set x = '\\'").kind, 'untouched');
});

test('no text makes it fail or run away, and a write is never hidden by what stands around it', () => {
  const noise = fc.stringMatching(/^[ \n;()'"$a-z/*\\-]{0,40}$/);
  fc.assert(
    fc.property(noise, (text) => {
      scanStatement(text);
    }),
    { numRuns: 2000 },
  );
  const harmless = fc.constantFrom(
    ' ',
    '\n',
    '-- insert\n',
    '/* x */',
    ';',
    'select 1;',
    "select 'x';",
    'begin;',
    'select $$;$$;',
    'select "q";',
  );
  fc.assert(
    fc.property(fc.array(harmless), fc.array(harmless), (before, after) => {
      const text = `${before.join('')} insert into t values (1) ; ${after.join('')}`;
      assert.ok(
        scanStatement(text).statements.some(
          (statement) => statement.kind === 'write' && text.startsWith('insert', statement.start),
        ),
      );
    }),
  );
});

test('a string with escapes goes on with them on another line', () => {
  const scanned = scanStatement("select E'a'\n'b\\'; commit; insert'; insert into t values (1)");
  assert.deepEqual(
    scanned.statements.map(({ kind }) => kind),
    ['read', 'write'],
  );
});

test('a string of its own behind one with escapes has none', () => {
  const scanned = scanStatement(String.raw`select E'a', 'b\'; insert into t values (1)`);
  assert.equal(scanned.certain, false);
  assert.equal(scanned.kind, 'write');
});

test('what takes our prepared statements away is told, and what takes only those of others is not', () => {
  for (const text of [
    'discard all',
    'DEALLOCATE ALL',
    'deallocate prepare all',
    'deallocate threadline_1_2',
    'do $$ deallocate all $$',
  ])
    assert.equal(scanStatement(text).forgetsStatements, true, text);
  for (const text of ['discard temp', 'deallocate p', "set x = 'deallocate all'", 'commit -- discard all'])
    assert.equal(scanStatement(text).forgetsStatements, false, text);
});

test('a text of a million characters is scanned to its end', () => {
  scanStatement(`select ${'(/* */ "x" , $1 '.repeat(50_000)}`);
  scanStatement(`select '${"''".repeat(200_000)}'`);
  scanStatement('/*'.repeat(200_000));
  scanStatement('$a$'.repeat(200_001));
  scanStatement(`${'a'.repeat(300_000)}$`);
  assert.equal(scanStatement(`insert into t values (${'1, '.repeat(300_000)}1)`).kind, 'write');
});

test('what may itself change the settings is told: a call of set_config, several statements, and what is uncertain', () => {
  for (const text of [
    "select set_config('a.b', 'c', true)",
    `select "set_config"('a.b', 'c', true)`,
    'insert into t values (1); reset all',
    String.raw`insert into t values ('\'); reset all; --'`,
    String.raw`insert into t values ('\'')`,
  ])
    assert.equal(scanStatement(text).changesSettings, true, text);
  for (const text of ['insert into t values (1)', "select 'set_config'", 'select 1;'])
    assert.equal(scanStatement(text).changesSettings, false, text);
});

test('a parameter is told from what stands between dollars', () => {
  assert.equal(scanStatement('select $1').hasParameters, true);
  assert.equal(scanStatement('do $$ begin end $$').hasParameters, false);
});

test('semicolons within parentheses and quoted names end no statement, and parentheses that are never opened open none', () => {
  assert.deepEqual(kinds('create rule r as on insert to t do (delete from a; delete from b); begin'), [
    'write',
    'untouched',
  ]);
  assert.deepEqual(kinds('insert into t ";" values (1)'), ['write']);
  assert.deepEqual(kinds('select 1); create rule r as on insert to t do (select 1; select 2)'), ['read', 'write']);
  assert.deepEqual(kinds('select atomic; begin'), ['read', 'untouched']);
});

test('tabs, quotes within quotes, tags in other alphabets and dollars in names are read as the server reads them', () => {
  for (const text of [
    'select\t1',
    'select\r1',
    'select $é$ insert $é$',
    'select $é$; begin; $é$',
    "select n'a', b'1', x'f'",
  ])
    assert.equal(scanStatement(text).kind, 'read', text);
  assert.equal(scanStatement('select a$b$ insert into t values (1) --$b$').kind, 'write');
  assert.equal(scanStatement(String.raw`select e 'a\'`).certain, false);
  assert.equal(scanStatement('select "set""_config"(1)').changesSettings, false);
});
