import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP proxy in front of a server, which counts round trips and can delay each way. */
export interface CountingProxy {
  readonly port: number;
  /** How often a client spoke after the server had: one for every round trip on every connection. */
  roundTrips(): number;
  /** How many connections were opened. */
  connections(): number;
  close(): Promise<void>;
}

/** Starts a proxy to `target`; `delayMs` is added to each direction. */
export async function startCountingProxy(
  target: { readonly host: string; readonly port: number },
  delayMs = 0,
): Promise<CountingProxy> {
  let roundTrips = 0;
  let connections = 0;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    connections += 1;
    const upstream = connect(target.port, target.host);
    let clientSpokeLast = false;
    client.setNoDelay(true);
    upstream.setNoDelay(true);
    client.on('data', (chunk) => {
      if (!clientSpokeLast) roundTrips += 1;
      clientSpokeLast = true;
      forward(upstream, chunk, delayMs);
    });
    upstream.on('data', (chunk) => {
      clientSpokeLast = false;
      forward(client, chunk, delayMs);
    });
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
    roundTrips: () => roundTrips,
    connections: () => connections,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function forward(socket: Socket, chunk: Buffer, delayMs: number): void {
  if (delayMs === 0) socket.write(chunk);
  else setTimeout(() => socket.destroyed || socket.write(chunk), delayMs);
}
