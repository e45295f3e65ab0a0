import type pg from 'pg';
import type { Driver } from './drivers.ts';

/** Counts what drivers insert, and holds the table against it. */
export interface Ledger {
  /** The same driver, its inserts counted as attributed or not. */
  counted(driver: Driver, attributed: boolean): Driver;
  /** Counts inserts that were made without a counted driver. */
  add(inserts: number, attributed: boolean): void;
  /** Throws unless the table holds exactly the inserts counted since, each with its actor; then empties it. */
  settle(title: string): Promise<void>;
}

/** A ledger of `bench_rows`; attributed rows carry `actorPattern` (a LIKE pattern). */
export function openLedger(admin: pg.Pool, actorPattern: string): Ledger {
  const expected = { attributed: 0, bare: 0 };
  const add = (inserts: number, attributed: boolean) => {
    expected[attributed ? 'attributed' : 'bare'] += inserts;
  };
  return {
    add,
    counted: (driver, attributed) => ({
      ...driver,
      insert: () => {
        add(1, attributed);
        return driver.insert();
      },
      insertsInTransaction: (count) => {
        add(count, attributed);
        return driver.insertsInTransaction(count);
      },
    }),
    settle: async (title) => {
      const { rows } = await admin.query(
        `select count(*) filter (where actor like $1)::int as attributed,
                count(*) filter (where coalesce(actor, '') = '')::int as bare, count(*)::int as total
           from bench_rows where id > 1`,
        [actorPattern],
      );
      const { attributed, bare, total } = rows[0];
      if (attributed !== expected.attributed || bare !== expected.bare || total !== attributed + bare)
        throw new Error(`${title}: expected ${JSON.stringify(expected)}, found ${JSON.stringify(rows[0])}`);
      expected.attributed = 0;
      expected.bare = 0;
      await admin.query('truncate bench_rows restart identity');
      await admin.query("insert into bench_rows (label) values ('one')");
    },
  };
}
