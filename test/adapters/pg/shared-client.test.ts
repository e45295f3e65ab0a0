import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import pg from 'pg';
import { wrapClient } from '../../../src/adapters/pg/index.ts';
import { actor, runDetached, runWithActor } from '../../../src/index.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { clearNotes, createNotes, readNotes } from '../../support/notes.ts';

const INSERT = 'insert into notes (body) values ($1)';

let database: TestDatabase;

before(async () => {
  database = await createTestDatabase();
  await createNotes(database.admin);
  await database.admin.query(`create procedure twice(body text) language plpgsql as
    $$ begin insert into notes (body) values (body); commit; insert into notes (body) values (body); end $$`);
});

beforeEach(() => clearNotes(database.admin));

function as<T>(name: string, fn: () => PromiseLike<T>): Promise<T> {
  return runWithActor(actor.user(name), fn);
}

async function written(): Promise<readonly string[]> {
  return (await readNotes(database.admin)).map(({ body, actor: id }) => `${body} by ${id ?? 'nobody'}`);
}

for (const pipeline of [false, true])
  describe(`one client that several contexts share${pipeline ? ', pipelined' : ''}`, () => {
    let client: pg.Client;

    before(async () => {
      client = wrapClient(new pg.Client({ connectionString: database.url, pipeline } as pg.ClientConfig));
      await as('WARM', () => client.connect());
    });

    after(() => client.end());

    test('what each sends without waiting for the other is its own, and what nobody sends is nobody’s', async () => {
      const shapes: readonly ((name: string) => Promise<unknown>)[] = [
        (name) => client.query(INSERT, [name]),
        (name) => client.query(`insert into notes (body) values ('${name}')`),
        (name) => client.query({ name: 'add', text: INSERT, values: [name] }),
        (name) => client.query(`select 1; insert into notes (body) values ('${name}')`),
      ];
      const sent: Promise<unknown>[] = [];
      for (const [index, shape] of [...shapes, ...shapes, ...shapes].entries()) {
        for (const name of [`A${index}`, `B${index}`]) sent.push(as(name, () => shape(name)));
        sent.push(
          client.query('select 1'),
          runDetached(async () => shape('nobody')),
        );
      }
      await Promise.all(sent);
      const rows = await readNotes(database.admin);
      assert.equal(rows.length, 36);
      for (const row of rows) assert.equal(row.actor ?? 'nobody', row.body);
    });

    test('several statements that one context sends at once are transactions of their own, and each is attributed', async () => {
      await client.query('select 1');
      await as('A', () => Promise.all(['one', 'two', 'three'].map((body) => client.query(INSERT, [body]))));
      assert.deepEqual(await written(), ['one by A', 'two by A', 'three by A']);
    });

    test('a statement of one in the transaction of the other is committed with it and belongs to its own context', async () => {
      const sent = [
        as('A', () => client.query('begin')),
        as('A', () => client.query(INSERT, ['first'])),
        as('B', () => client.query(INSERT, ['stranger'])),
        client.query(INSERT, ['bare']),
        as('A', () => client.query('savepoint s')),
        as('A', () => client.query(INSERT, ['undone'])),
        as('B', () => client.query(INSERT, ['undone too'])),
        as('A', () => client.query('rollback to s')),
        as('A', () => client.query(INSERT, ['last'])),
        as('A', () => client.query('commit')),
        as('A', () => client.query(INSERT, ['after'])),
        as('A', () => client.query(INSERT, ['long after'])),
        client.query(INSERT, ['bare after']),
      ];
      await Promise.all(sent);
      assert.deepEqual(await written(), [
        'first by A',
        'stranger by B',
        'bare by nobody',
        'last by A',
        'after by A',
        'long after by A',
        'bare after by nobody',
      ]);
    });

    test('a statement that fails in between takes no other with it', async () => {
      const results = await Promise.allSettled([
        as('A', () => client.query(INSERT, ['first'])),
        as('B', () => client.query('insert into notes (id) values (1)')),
        as('A', () => client.query(INSERT, ['second'])),
        as('B', () => client.query({ name: 'broken', text: 'insert into absent values ($1)', values: ['x'] })),
        as('B', () => client.query(INSERT, ['third'])),
      ]);
      assert.deepEqual(
        results.map(({ status }) => status),
        ['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled'],
      );
      assert.deepEqual(await written(), ['first by A', 'second by A', 'third by B']);
    });

    test('a procedure that commits runs once, in the middle of other statements and again', async () => {
      for (const round of ['one', 'two']) {
        await Promise.all([
          as('A', () => client.query(INSERT, [`before ${round}`])),
          as('B', () => client.query('call twice($1)', [round])),
          as('A', () => client.query(INSERT, [`after ${round}`])),
        ]);
        const rows = await written();
        for (const side of ['before', 'after']) assert.ok(rows.includes(`${side} ${round} by A`));
        const own = rows.filter((row) => row.startsWith(`${round} by`));
        assert.equal(own.length, 2);
        assert.ok(own.every((row) => row === `${round} by B` || row === `${round} by nobody`));
      }
    });
  });
