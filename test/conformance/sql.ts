/** The part of a pg client that transactions in plain SQL need. */
export interface SqlClient {
  query(text: string): PromiseLike<unknown>;
}

/** A transaction as people write it by hand. */
export async function sqlTransaction<Client extends SqlClient, T>(
  client: Client,
  body: (client: Client) => Promise<T>,
  isolation?: string,
): Promise<T> {
  await client.query(isolation === undefined ? 'begin' : `begin isolation level ${isolation}`);
  try {
    const result = await body(client);
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}

let savepoints = 0;

/** A savepoint as people write it by hand. */
export async function sqlSavepoint<Client extends SqlClient, T>(
  client: Client,
  body: (client: Client) => Promise<T>,
): Promise<T> {
  savepoints += 1;
  const name = `nested_${savepoints}`;
  await client.query(`savepoint ${name}`);
  try {
    const result = await body(client);
    await client.query(`release savepoint ${name}`);
    return result;
  } catch (error) {
    await client.query(`rollback to savepoint ${name}`);
    throw error;
  }
}
