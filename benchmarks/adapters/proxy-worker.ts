import { parentPort, workerData } from 'node:worker_threads';
import { startCountingProxy } from '../../test/support/counting-proxy.ts';

// In a thread of its own, so that the delay costs the measured process nothing.
const { host, port, delayMs } = workerData as { host: string; port: number; delayMs: number };
const proxy = await startCountingProxy({ host, port }, delayMs);
parentPort?.on('message', () => parentPort?.postMessage(proxy.roundTrips()));
parentPort?.postMessage(proxy.port);
