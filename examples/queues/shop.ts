import { Hono } from 'hono';
import type pg from 'pg';
import { actor, currentActor, install, installTriggers } from '../../src/index.ts';
import { threadline } from '../../src/middleware/hono.ts';
import type { ReceiptQueue } from './queue.ts';

/** Makes the tables of the shop, and audits them. */
export async function prepareShop(pool: pg.Pool): Promise<void> {
  await pool.query(`
    create table orders (id serial primary key, customer text not null, status text not null default 'new');
    create table receipts (order_id integer primary key references orders);
  `);
  await install(pool);
  await installTriggers(pool, { tables: ['orders', 'receipts'] });
}

/** A shop in which a user orders something, and a worker writes the receipt. */
export function createShop(pool: pg.Pool, queue: ReceiptQueue): Hono {
  const shop = new Hono();
  // A real application takes the user from its session, and not from a header that anybody can send.
  shop.use(threadline({ actor: (c) => actor.user(c.req.header('x-user') ?? 'guest') }));
  shop.post('/orders', async (c) => {
    const user = currentActor();
    const customer = user !== undefined && 'id' in user ? user.id : 'nobody';
    const { rows } = await pool.query('insert into orders (customer) values ($1) returning id', [customer]);
    await queue.enqueue(rows[0].id);
    return c.json(rows[0], 201);
  });
  return shop;
}
