import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Where to cut: after so many bytes of what goes this way, counted from {@link CuttingProxy.arm} on. */
export interface Cut {
  readonly direction: 'to server' | 'to client';
  readonly after: number;
}

/** A TCP proxy that cuts a connection in the middle of what passes through it. */
export interface CuttingProxy {
  readonly port: number;
  /** From now on, cuts where `cut` says; with undefined it only counts. */
  arm(cut: Cut | undefined): void;
  /** How many bytes went each way since it was armed. */
  passed(): Readonly<Record<Cut['direction'], number>>;
  close(): Promise<void>;
}

/** Starts a cutting proxy in front of a server. */
export async function startCuttingProxy(target: {
  readonly host: string;
  readonly port: number;
}): Promise<CuttingProxy> {
  let cut: Cut | undefined;
  let passed = { 'to server': 0, 'to client': 0 };
  const sockets = new Set<Socket>();
  const pass = (direction: Cut['direction'], from: Socket, to: Socket) =>
    from.on('data', (chunk: Buffer) => {
      const before = passed[direction];
      passed[direction] += chunk.length;
      if (cut?.direction !== direction || passed[direction] <= cut.after) {
        to.write(chunk);
        return;
      }
      to.write(chunk.subarray(0, Math.max(0, cut.after - before)), () => {
        from.destroy();
        to.destroy();
      });
    });
  const server = createServer((client) => {
    const upstream = connect(target.port, target.host);
    pass('to server', client, upstream);
    pass('to client', upstream, client);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    arm: (next) => {
      cut = next;
      passed = { 'to server': 0, 'to client': 0 };
    },
    passed: () => passed,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
