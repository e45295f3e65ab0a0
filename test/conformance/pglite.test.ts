import { PGlite, type Transaction } from '@electric-sql/pglite';
import { wrapPGlite } from '../../src/adapters/pglite/index.ts';
import { conform } from './conform.ts';
import { sqlSavepoint } from './sql.ts';

await conform<PGlite, PGlite | Transaction>({
  name: 'PGlite: wrapPGlite',
  singleConnection: true,
  connect: (_url, { attributed }) => (attributed ? wrapPGlite(new PGlite()) : new PGlite()),
  end: (db) => db.close(),
  run: async (on, text, values) => (await on.query<Record<string, unknown>>(text, [...values])).rows,
  result: (on, text, values) => on.query(text, [...values]),
  script: (on, text) => on.exec(text),
  transaction: (db, body) => db.transaction(body),
  serializable: (db, body) =>
    db.transaction(async (transaction) => {
      await transaction.exec('set transaction isolation level serializable');
      return body(transaction);
    }),
  nested: (on, body) => sqlSavepoint(on as Transaction, body),
  copyFrom: (on, text, data) => on.query(text.replace('stdin', "'/dev/blob'"), [], { blob: new Blob([data]) }),
  session: (db, body) => body(db),
});
