import pg from 'pg';
import { wrapPool } from '../../../src/adapters/pg/index.ts';
import { sqlTransaction } from '../../conformance/sql.ts';
import { insertOf, survivesFaults } from '../../support/faults.ts';

const INSERT = 'insert into notes (body) values ($1)';

survivesFaults((connectionString, { queryTimeout }) => {
  const pool = wrapPool(new pg.Pool({ connectionString, max: 1, query_timeout: queryTimeout ?? 0 }));
  pool.on('error', () => {});
  const transaction = async (body: (client: pg.PoolClient) => Promise<unknown>) => {
    const client = await pool.connect();
    client.on('error', () => {});
    try {
      await sqlTransaction(client, body);
    } finally {
      client.release(true);
    }
  };
  return {
    ways: {
      'a single insert': (body) => pool.query(INSERT, [body]),
      'a named statement': (body) => pool.query({ name: 'add', text: INSERT, values: [body] }),
      'a text': (body) => pool.query(insertOf(body)),
      'a script': (body) => pool.query(`begin; ${insertOf(body)}; commit`),
      'a transaction': (body) => transaction((client) => client.query(INSERT, [body])),
    },
    run: (text) => pool.query(text),
    transaction: (body) => transaction((client) => body(async (text) => (await client.query(text)).rows)),
    end: () => pool.end(),
  };
});
