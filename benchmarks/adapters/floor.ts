import pg from 'pg';
import { currentSettings } from '../../src/core/store.ts';
import { SET_CONFIG_SQL, settingsValues } from '../../src/core/wire.ts';
import { INSERT, openPool, ROW, type Target } from './drivers.ts';

/** The part of pg's connection that writes messages. */
interface Connection {
  parse(message: { readonly name: string; readonly text: string }): void;
  bind(message: { readonly statement: string; readonly values: readonly string[] }): void;
  execute(message: object): void;
}

/** pg's own query, with the two methods that its types leave out. */
const Query = pg.Query as unknown as new (
  text: string,
  values: readonly unknown[],
) => pg.Submittable & {
  prepare(connection: Connection): void;
  handleCommandComplete(message: unknown, connection: Connection): void;
};

const prepared = new WeakSet<Connection>();

/** An insert with the settings in front of it, in one batch with one Sync. */
class AttributedInsert extends Query {
  #isSet = false;

  constructor() {
    super(INSERT, ROW);
  }

  override prepare(connection: Connection): void {
    if (!prepared.has(connection)) connection.parse({ name: 'settings', text: SET_CONFIG_SQL });
    prepared.add(connection);
    connection.bind({ statement: 'settings', values: settingsValues(currentSettings()) });
    connection.execute({});
    super.prepare(connection);
  }

  override handleCommandComplete(message: unknown, connection: Connection): void {
    if (this.#isSet) super.handleCommandComplete(message, connection);
    this.#isSet = true;
  }
}

/**
 * The least that any adapter of pg can do: it knows the statement beforehand, looks at nothing, and
 * sends the settings as a prepared statement in the batch that goes out anyway.
 */
export function oneBatch(target: Target): {
  insert(): Promise<unknown>;
  insertsInTransaction(count: number): Promise<unknown>;
  end(): Promise<unknown>;
} {
  const pool = openPool(target, 1);
  return {
    insert: () => pool.query(new AttributedInsert()) as unknown as Promise<unknown>,
    insertsInTransaction: async (count) => {
      const client = await pool.connect();
      try {
        await client.query('begin');
        await new Promise<void>((resolve, reject) => {
          const insert = Object.assign(new AttributedInsert(), {
            callback: (error: Error | null) => (error ? reject(error) : resolve()),
          });
          client.query(insert);
        });
        for (let index = 1; index < count; index += 1) await client.query(INSERT, ROW);
        await client.query('commit');
      } finally {
        client.release();
      }
    },
    end: () => pool.end(),
  };
}
