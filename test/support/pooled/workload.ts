import { actor, runWithActor } from '../../../src/index.ts';
import type { OpenDriver, PooledDriver } from './driver.ts';
import { doTasks } from './processes.ts';

/** What one client of a pooler does. */
export interface Work {
  /** The name of a file in this folder. */
  readonly driver: string;
  readonly url: string;
  /** What its actors are called; no two clients share a name. */
  readonly prefix: string;
  /** Whether the pooler lets a client have transactions. */
  readonly transactions: boolean;
  /** Whether the pooler keeps prepared statements apart. */
  readonly prepared: boolean;
}

const PIECES = 40;

/** Writes notes in every way, all at once: each bears the name of its actor, or `nobody`. */
export async function work({ driver: name, url, prefix, transactions, prepared }: Work): Promise<void> {
  const { open } = (await import(`./${name}.ts`)) as { open: OpenDriver };
  const driver = await open(url);
  const ways = [
    driver.insert,
    driver.insertText,
    ...(transactions ? [driver.transaction] : []),
    ...(prepared && driver.insertPrepared ? [driver.insertPrepared] : []),
  ];
  try {
    await Promise.all(
      Array.from({ length: PIECES }, (_unused, index) => {
        const way = ways[index % ways.length] as PooledDriver['insert'];
        const body = `${prefix} ${index}`;
        return index % 5 === 0 ? way('nobody') : runWithActor(actor.user(body), () => way(body));
      }),
    );
  } finally {
    await driver.end();
  }
}

doTasks<Work>(import.meta.url, work);
