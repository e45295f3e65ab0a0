import pg from 'pg';
import { Sequelize } from 'sequelize';
import { instrumentPg } from '../../../src/adapters/pg/index.ts';
import { INSERT, insertText, type PooledDriver } from './driver.ts';

export function open(url: string): PooledDriver {
  const sequelize = new Sequelize(url, {
    dialectModule: instrumentPg(pg),
    pool: { max: 3, min: 0 },
    logging: false,
  });
  return {
    insert: (body) => sequelize.query(INSERT, { bind: [body] }),
    insertText: (body) => sequelize.query(insertText(body)),
    transaction: (body) =>
      sequelize.transaction(async (transaction) => {
        await sequelize.query(INSERT, { bind: [body], transaction });
        await sequelize.query(INSERT, { bind: [body], transaction });
      }),
    end: () => sequelize.close(),
  };
}
