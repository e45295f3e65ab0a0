// The atlas, a small application as a user of Threadline would write it. Two lines of it are Threadline's.
import { Hono } from 'hono';
import { HTTPException } from 'hono/http-exception';
import pg from 'pg';
import { wrapPool } from '../../src/adapters/pg/index.ts';
import { type ActorRef, recordAction } from '../../src/index.ts';
import { threadline } from '../../src/middleware/hono.ts';
import { accountOf } from './accounts.ts';
import { queueRecount, runNextJob } from './jobs.ts';
import { inTransaction } from './transaction.ts';

const FOREIGN_KEY_VIOLATION = '23503';

export interface Atlas {
  readonly fetch: (request: Request, bindings: unknown) => Response | Promise<Response>;
  /** Runs what the requests have queued, and says how many jobs that were. */
  runJobs(): Promise<number>;
  close(): Promise<void>;
}

export interface AtlasOptions {
  readonly databaseUrl: string;
  readonly connections: number;
  readonly onFailure: (error: unknown) => void;
}

export function createAtlas({ databaseUrl, connections, onFailure }: AtlasOptions): Atlas {
  const pool = wrapPool(new pg.Pool({ connectionString: databaseUrl, max: connections })); // Threadline, first line
  pool.on('error', onFailure);
  const app = new Hono<{ Variables: { account: ActorRef } }>();

  app.use(async (c, next) => {
    const account = accountOf(c.req.header('authorization'));
    if (!account) throw new HTTPException(401, { message: 'Sign in first' });
    c.set('account', account);
    await next();
  });
  app.use(threadline({ actor: (c) => c.get('account') })); // Threadline, second line

  // One statement.
  app.patch('/countries/:code', async (c) => {
    const { capital, callingCode } = await c.req.json();
    const { rows } = await pool.query(
      `update countries set capital = coalesce($2, capital), calling_code = coalesce($3, calling_code)
       where code = $1 returning *`,
      [c.req.param('code'), capital, callingCode],
    );
    return rows.length === 1 ? c.json(rows[0]) : c.notFound();
  });

  // One statement, many rows.
  app.post('/subregions/rename', async (c) => {
    const { from, to } = await c.req.json();
    const { rowCount } = await pool.query('update countries set subregion = $2 where subregion = $1', [from, to]);
    return c.json({ countries: rowCount });
  });

  // A transaction with a named action, which queues a job. An unknown currency makes it fail halfway.
  app.post('/countries/:code/currency', async (c) => {
    const country = c.req.param('code');
    const { from, to, reason } = await c.req.json();
    await inTransaction(pool, async (client) => {
      await client.query('delete from country_currencies where country_code = $1 and currency_code = $2', [
        country,
        from,
      ]);
      await client.query('insert into country_currencies values ($1, $2)', [country, to]);
      await recordAction(client, 'country.currency_changed', { reason });
      await queueRecount(client, country);
    });
    return c.body(null, 204);
  });

  // A transaction that changes keys: those of country_currencies hold the currency's code.
  app.put('/currencies/:code', async (c) => {
    const { name, replaces, reason } = await c.req.json();
    const code = c.req.param('code');
    await inTransaction(pool, async (client) => {
      await client.query('insert into currencies values ($1, $2)', [code, name]);
      await client.query('update country_currencies set currency_code = $1 where currency_code = $2', [code, replaces]);
      await client.query('delete from currencies where code = $1', [replaces]);
      await recordAction(client, 'currency.replaced', { reason });
    });
    return c.body(null, 204);
  });

  app.delete('/currencies/:code', async (c) => {
    await pool.query('delete from currencies where code = $1', [c.req.param('code')]);
    return c.body(null, 204);
  });

  app.onError((error, c) => {
    if (error instanceof HTTPException) return error.getResponse();
    if ('code' in error && error.code === FOREIGN_KEY_VIOLATION) return c.json({ error: 'No such thing' }, 409);
    onFailure(error);
    return c.json({ error: 'Failed' }, 500);
  });

  return {
    fetch: app.fetch,
    runJobs: async () => {
      let jobs = 0;
      while (await runNextJob(pool)) jobs += 1;
      return jobs;
    },
    close: () => pool.end(),
  };
}
