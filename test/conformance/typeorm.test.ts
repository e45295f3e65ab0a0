import type pg from 'pg';
import { DataSource, type EntityManager, type QueryRunner } from 'typeorm';
import { instrumentPg } from '../../src/adapters/pg/index.ts';
import { conform, separateCopyOf } from './conform.ts';

// In an application it is `driver: instrumentPg(pg)`; here a pg without the adapter has to remain beside it.
const instrumented = instrumentPg(separateCopyOf<typeof pg>('pg'));
const raw = separateCopyOf<typeof pg>('pg');

await conform<DataSource, EntityManager | QueryRunner>({
  name: 'TypeORM: instrumentPg',
  connect: (url, { max, attributed }) =>
    new DataSource({ type: 'postgres', url, poolSize: max, driver: attributed ? instrumented : raw }).initialize(),
  end: (source) => source.destroy(),
  run: (on, text, values) => on.query(text, [...values]),
  script: (on, text) => on.query(text),
  transaction: (source, body) => source.transaction(body),
  serializable: (source, body) => source.transaction('SERIALIZABLE', body),
  nested: (manager, body) => (manager as EntityManager).transaction(body),
  session: withRunner,
  each: (source, text, onRow) =>
    withRunner(source, async (runner) => {
      const stream = await runner.stream(text);
      await new Promise<void>((resolve, reject) =>
        stream
          .on('data', onRow)
          .on('end', () => resolve())
          .on('error', reject),
      );
    }),
});

async function withRunner<T>(source: DataSource, body: (runner: QueryRunner) => Promise<T>): Promise<T> {
  const runner = source.createQueryRunner();
  try {
    return await body(runner);
  } finally {
    await runner.release();
  }
}
