import { IsolationLevel, MikroORM, type SqlEntityManager } from '@mikro-orm/postgresql';
import { wrapPool } from '../../src/adapters/pg/index.ts';
import { conform } from './conform.ts';

let count = 0;

await conform<MikroORM, SqlEntityManager>({
  name: 'MikroORM: wrapPool',
  connect: (clientUrl, { max, attributed }) =>
    MikroORM.init({
      clientUrl,
      // Open transactions are looked up by this name, in the whole process.
      contextName: `orm ${count++}`,
      pool: { max },
      entities: [],
      discovery: { warnWhenNoEntities: false },
      // MikroORM has a pg of its own and makes the pool out of it.
      driverOptions: attributed ? { onPoolCreated: wrapPool } : {},
    }),
  end: (orm) => orm.close(),
  run: (on, text, values) => execute(on, text, values),
  script: (on, text) => execute(on, text, []),
  transaction: (orm, body) => orm.em.fork().transactional(body),
  serializable: (orm, body) => orm.em.fork().transactional(body, { isolationLevel: IsolationLevel.SERIALIZABLE }),
  nested: (em, body) => em.transactional(body),
});

function execute(on: MikroORM | SqlEntityManager, text: string, values: readonly string[]) {
  const em = on instanceof MikroORM ? on.em.fork() : on;
  return em.execute(text.replaceAll(/\$\d/g, '?'), [...values]);
}
