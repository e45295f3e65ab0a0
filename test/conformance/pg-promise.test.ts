import type { IDatabase, IMain, ITask } from 'pg-promise';
import { instrumentPg } from '../../src/adapters/pg/index.ts';
import { conform, separateCopyOf } from './conform.ts';

// pg-promise brings a pg of its own and shows it as `pgp.pg`.
const instrumented = pgPromise();
instrumentPg(instrumented.pg);
const raw = pgPromise();

await conform<IDatabase<object>, ITask<object>>({
  name: 'pg-promise: instrumentPg',
  connect: (connectionString, { max, attributed }) => (attributed ? instrumented : raw)({ connectionString, max }),
  end: (db) => db.$pool.end(),
  run: (on, text, values) => on.any(text, values.length > 0 ? values : undefined),
  result: (on, text, values) => on.result(text, values.length > 0 ? values : undefined),
  script: (on, text) => on.multiResult(text),
  transaction: (db, body) => db.tx(body),
  serializable: (db, body) => {
    const { TransactionMode, isolationLevel } = instrumented.txMode;
    return db.tx({ mode: new TransactionMode({ tiLevel: isolationLevel.serializable }) }, body);
  },
  nested: (task, body) => task.tx(body),
  session: (db, body) => db.task(body),
});

function pgPromise(): IMain {
  return separateCopyOf<(options: object) => IMain>('pg-promise')({ noWarnings: true });
}
