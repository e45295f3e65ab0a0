import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Target } from './drivers.ts';

/** A way to the server that takes a while each way and counts round trips. */
export interface SlowWay {
  readonly target: Target;
  roundTrips(): Promise<number>;
  close(): Promise<unknown>;
}

/** Puts a proxy in front of a server, in a thread of its own. */
export async function slowWay(target: Target, port: number, delayMs: number): Promise<SlowWay> {
  const worker = new Worker(new URL('./proxy-worker.js', import.meta.url), {
    workerData: { host: '127.0.0.1', port, delayMs },
  });
  const [proxyPort] = (await once(worker, 'message')) as [number];
  return {
    target: { ...target, host: '127.0.0.1', port: proxyPort },
    roundTrips: async () => {
      worker.postMessage('count');
      return ((await once(worker, 'message')) as [number])[0];
    },
    close: () => worker.terminate(),
  };
}
