import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { pgBouncerVersion, withoutPgBouncer } from '../pgbouncer.ts';

/** Settings of PgBouncer by name. */
export type PoolerSettings = Readonly<Record<string, string | number>>;

const [major, minor] = withoutPgBouncer ? [0, 0] : pgBouncerVersion();
/** Whether the installed version keeps the prepared statements of its clients apart. */
export const keepsPreparedStatements: boolean = major > 1 || minor >= 21;

/** Every mode that the installed version has; `connections` is for the one with prepared statements. */
export function poolerModes(connections: number): Readonly<Record<string, PoolerSettings>> {
  return {
    'transaction pooling, one server connection': { pool_mode: 'transaction', default_pool_size: 1 },
    'transaction pooling, five server connections': { pool_mode: 'transaction', default_pool_size: 5 },
    'statement pooling, one server connection': { pool_mode: 'statement', default_pool_size: 1 },
    ...(keepsPreparedStatements
      ? {
          'transaction pooling with prepared statements': {
            pool_mode: 'transaction',
            default_pool_size: connections,
            max_prepared_statements: 100,
          },
        }
      : {}),
  };
}

/** Two processes for the tests of a suite, each of which does the tasks of a module: see {@link doTasks}. */
export function workers<Task extends object>(module: URL): readonly ((task: Task) => Promise<void>)[] {
  const processes: ChildProcess[] = [];
  before(() => {
    for (const _process of [1, 2]) processes.push(fork(fileURLToPath(module), { execArgv: ['--import', 'tsx'] }));
  });
  after(() => {
    for (const process of processes) process.disconnect();
  });
  return [0, 1].map((index) => async (task) => {
    const process = processes[index] as ChildProcess;
    process.send(task);
    const ended = once(process, 'exit').then(([code]) => [`the process ended with ${code}`]);
    const [answer] = await Promise.race([once(process, 'message'), ended]);
    assert.equal(answer, 'done');
  });
}

/** Where `module` runs as a process of {@link workers}, does what it is told. */
export function doTasks<Task>(module: string, work: (task: Task) => Promise<void>): void {
  if (process.argv[1] !== fileURLToPath(module)) return;
  process.on('message', (task: Task) => {
    work(task).then(
      () => process.send?.('done'),
      (error: Error) => process.send?.(String(error.stack)),
    );
  });
}
