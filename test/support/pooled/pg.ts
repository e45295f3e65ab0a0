import pg from 'pg';
import { wrapPool } from '../../../src/adapters/pg/index.ts';
import { sqlTransaction } from '../../conformance/sql.ts';
import { INSERT, insertText, type PooledDriver } from './driver.ts';

export function open(connectionString: string): PooledDriver {
  const pool = wrapPool(new pg.Pool({ connectionString, max: 3 }));
  return {
    insert: (body) => pool.query(INSERT, [body]),
    insertText: (body) => pool.query(insertText(body)),
    insertPrepared: (body) => pool.query({ name: 'add', text: INSERT, values: [body] }),
    transaction: async (body) => {
      const client = await pool.connect();
      try {
        await sqlTransaction(client, async () => {
          await client.query(INSERT, [body]);
          await client.query(INSERT, [body]);
        });
      } finally {
        client.release();
      }
    },
    end: () => pool.end(),
  };
}
