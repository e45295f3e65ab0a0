import type pg from 'pg';
import { Sequelize, Transaction } from 'sequelize';
import { instrumentPg } from '../../src/adapters/pg/index.ts';
import { conform, separateCopyOf } from './conform.ts';

// In an application it is `dialectModule: instrumentPg(pg)`; here a pg without the adapter has to remain beside it.
const instrumented = instrumentPg(separateCopyOf<typeof pg>('pg'));
const raw = separateCopyOf<typeof pg>('pg');

interface Connection {
  readonly sequelize: Sequelize;
  readonly transaction: Transaction;
}

let nestings = 0;

await conform<Sequelize, Connection>({
  name: 'Sequelize: instrumentPg',
  connect: (url, { max, attributed }) =>
    new Sequelize(url, { dialectModule: attributed ? instrumented : raw, pool: { max, min: 0 }, logging: false }),
  end: (sequelize) => sequelize.close(),
  run: async (on, text, values) => (await query(on, text, values))[0] as Record<string, unknown>[],
  result: query,
  script: (on, text) => query(on, text, []),
  transaction: (sequelize, body) => sequelize.transaction((transaction) => body({ sequelize, transaction })),
  serializable: (sequelize, body) =>
    sequelize.transaction({ isolationLevel: Transaction.ISOLATION_LEVELS.SERIALIZABLE }, (transaction) =>
      body({ sequelize, transaction }),
    ),
  nested: async ({ sequelize, transaction: outer }, body) => {
    // Sequelize 6 gives the savepoints of two levels one name, and renames the outer transaction to the inner one.
    const fields = outer as unknown as { name: unknown; readonly savepoints: unknown[] };
    const { name } = fields;
    nestings += 1;
    fields.savepoints.length = nestings;
    try {
      return await sequelize.transaction({ transaction: outer }, (transaction) => body({ sequelize, transaction }));
    } finally {
      fields.name = name;
    }
  },
});

function query(on: Sequelize | Connection, text: string, values: readonly string[]) {
  const { sequelize, transaction } = on instanceof Sequelize ? { sequelize: on, transaction: null } : on;
  return sequelize.query(text, { transaction, ...(values.length > 0 ? { bind: [...values] } : {}) });
}
