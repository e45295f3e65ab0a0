// A queue in a table. The context of the request travels with the job as text, as it would through any other queue.
import type pg from 'pg';
import { actor, runWithSerializedContext, serializeContext } from '../../src/index.ts';
import { inTransaction } from './transaction.ts';

/** Queues a recount of the currencies in a country's region. */
export async function queueRecount(client: pg.PoolClient, country: string): Promise<void> {
  await client.query('insert into jobs (country_code, audit_context) values ($1, $2)', [country, serializeContext()]);
}

/** Runs the oldest job, if there is one. */
export function runNextJob(pool: pg.Pool): Promise<boolean> {
  return inTransaction(pool, async (client) => {
    const { rows } = await client.query(
      `delete from jobs where id = (select id from jobs order by id limit 1 for update skip locked)
       returning id, country_code, audit_context`,
    );
    const [job] = rows;
    if (job === undefined) return false;
    await runWithSerializedContext(job.audit_context, () => recount(client, job.country_code), {
      actor: actor.job('recount-currencies'),
      jobId: job.id,
      source: 'queue',
    });
    return true;
  });
}

async function recount(client: pg.PoolClient, country: string): Promise<void> {
  await client.query(
    `update regions set currencies = (
       select count(distinct currency_code)
       from country_currencies join countries on code = country_code
       where region = regions.name
     )
     where name = (select region from countries where code = $1)`,
    [country],
  );
}
