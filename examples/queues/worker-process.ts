import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { QueueName, Servers } from './queue.ts';

/** A worker in a process of its own. */
export interface WorkerProcess {
  /** What it has printed on standard error so far. */
  errors(): string;
  stop(): Promise<void>;
}

/** Starts the worker of a queue, and waits until it takes jobs. */
export async function startWorkerProcess(name: QueueName, servers: Servers): Promise<WorkerProcess> {
  const child = fork(fileURLToPath(new URL('./worker.ts', import.meta.url)), [name], {
    execArgv: ['--import', 'tsx'],
    env: { ...process.env, DATABASE_URL: servers.databaseUrl, REDIS_URL: servers.redisUrl },
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  });
  const exited = once(child, 'exit');
  let errors = '';
  child.stderr?.on('data', (chunk) => (errors += chunk));
  await Promise.race([
    once(child, 'message'),
    exited.then(() => {
      throw new Error(`The worker ended while starting:\n${errors}`);
    }),
  ]);
  return {
    errors: () => errors,
    stop: async () => {
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}
