import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { WebSocketServer } from 'ws';

/** A proxy for drivers that reach PostgreSQL through a WebSocket. */
export interface WebSocketProxy {
  /** Where it listens, without a protocol. */
  readonly address: string;
  close(): Promise<void>;
}

/** Starts a proxy that passes each WebSocket on to the address named in its query, as Neon's driver asks for it. */
export async function startWebSocketProxy(): Promise<WebSocketProxy> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  server.on('connection', (client, request) => {
    const address = new URL(`ws://proxy${request.url}`).searchParams.get('address') ?? '';
    const { hostname, port } = new URL(`tcp://${address}`);
    const upstream = connect(Number(port), hostname);
    client.on('message', (data) => upstream.write(data as Buffer));
    upstream.on('data', (data) => client.send(data));
    client.on('close', () => upstream.destroy());
    client.on('error', () => upstream.destroy());
    upstream.on('close', () => client.close());
    upstream.on('error', () => client.terminate());
  });
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      for (const client of server.clients) client.terminate();
      server.close();
      await once(server, 'close');
    },
  };
}
