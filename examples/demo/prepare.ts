import { readFile } from 'node:fs/promises';
import pg from 'pg';
import { wrapPool } from '../../src/adapters/pg/index.ts';
import { actor, currentContext, install, installTriggers, runWithActor } from '../../src/index.ts';
import { DATASET, loadDataset } from './dataset.ts';
import { inserted, type KnownChange } from './known-changes.ts';

/** The tables whose changes are recorded. The queue is not worth it. */
export const AUDITED_TABLES = ['regions', 'countries', 'currencies', 'country_currencies'] as const;

/** The role that the application connects as. It can neither read nor write the audit tables. */
export const APPLICATION_ROLE = 'atlas_app';

/** Makes the database of the atlas, with Threadline in it, and loads the data. Resolves to what that has inserted. */
export async function prepareDatabase(serverUrl: string, databaseUrl: string): Promise<readonly KnownChange[]> {
  await using(serverUrl, (pool) => pool.query('create database atlas'));
  return using(databaseUrl, async (pool) => {
    await pool.query(await readFile(new URL('schema.sql', import.meta.url), 'utf8'));
    await install(pool);
    await installTriggers(pool, { tables: AUDITED_TABLES });
    await pool.query(`
      create role ${APPLICATION_ROLE} login;
      grant select, insert, update, delete on all tables in schema public to ${APPLICATION_ROLE};
      grant usage on schema threadline to ${APPLICATION_ROLE};
      grant execute on function threadline.record_action to ${APPLICATION_ROLE};
    `);
    return runWithActor(actor.system('import'), async () => {
      await loadDataset(pool);
      return importedChanges(currentContext()?.correlationId ?? 'none');
    });
  });
}

function importedChanges(correlationId: string): readonly KnownChange[] {
  const by = { actor: actor.system('import'), correlationId };
  return [
    ...DATASET.regions.map(({ name }) => ({ ...by, ...inserted('regions', { name }) })),
    ...DATASET.countries.map(({ code }) => ({ ...by, ...inserted('countries', { code }) })),
    ...DATASET.currencies.map(({ code }) => ({ ...by, ...inserted('currencies', { code }) })),
    ...DATASET.country_currencies.map((key) => ({ ...by, ...inserted('country_currencies', key) })),
  ];
}

async function using<T>(databaseUrl: string, work: (pool: pg.Pool) => Promise<T>): Promise<T> {
  const pool = wrapPool(new pg.Pool({ connectionString: databaseUrl }));
  try {
    return await work(pool);
  } finally {
    await pool.end();
  }
}
