import { setImmediate } from 'node:timers/promises';
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { wrapPool } from '../../src/adapters/pg/index.ts';
import { conform } from './conform.ts';
import { PrismaClient, type PrismaOperation, type PrismaQueries } from './prisma-client.ts';

const PATIENT = { maxWait: 60_000, timeout: 60_000 };
const INSERT = 'insert into conformance.writes (label) values ($1) returning label';

// Prisma sends what transactions ask for within one tick in the context of whoever asked first: so
// every operation gets a tick of its own.
const ownTick = {
  query: {
    async $allOperations({ args, query }: PrismaOperation) {
      await setImmediate();
      return query(args);
    },
  },
};

await conform<PrismaClient, PrismaQueries>({
  name: 'Prisma: wrapPool, a tick for each query',
  connect: (connectionString, { max, attributed }) => {
    const pool = new pg.Pool({ connectionString, max });
    const adapter = new PrismaPg(attributed ? wrapPool(pool) : pool, { disposeExternalPool: true });
    const prisma = new PrismaClient({ adapter });
    return attributed ? prisma.$extends(ownTick) : prisma;
  },
  end: (prisma) => prisma.$disconnect(),
  run: async (on, text, [label, ...rest]) =>
    // What the suite writes goes through a model, the rest is raw.
    text === INSERT && label !== undefined
      ? [await on.write.create({ data: { label } })]
      : await on.$queryRawUnsafe(text, ...(label === undefined ? [] : [label]), ...rest),
  lazy: (on, _text, [label = '']) => on.write.create({ data: { label } }),
  transaction: (prisma, body) => prisma.$transaction(body, PATIENT),
  serializable: (prisma, body) => prisma.$transaction(body, { ...PATIENT, isolationLevel: 'Serializable' }),
  limits: {
    'a lazy query built in a context and awaited in none belongs to the one it was built in':
      'await the query in the context that it is to belong to; Prisma does not say where it was built',
  },
});
