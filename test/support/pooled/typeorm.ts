import pg from 'pg';
import { DataSource } from 'typeorm';
import { instrumentPg } from '../../../src/adapters/pg/index.ts';
import { INSERT, insertText, type PooledDriver } from './driver.ts';

export async function open(url: string): Promise<PooledDriver> {
  const source = new DataSource({ type: 'postgres', url, poolSize: 3, driver: instrumentPg(pg) });
  await source.initialize();
  return {
    insert: (body) => source.query(INSERT, [body]),
    insertText: (body) => source.query(insertText(body)),
    transaction: (body) =>
      source.transaction(async (manager) => {
        await manager.query(INSERT, [body]);
        await manager.transaction((inner) => inner.query(INSERT, [body]));
      }),
    end: () => source.destroy(),
  };
}
