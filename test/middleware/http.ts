import { Agent, type IncomingHttpHeaders, type OutgoingHttpHeaders, request, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { after } from 'node:test';
import { setImmediate } from 'node:timers/promises';

/** An HTTP server on loopback, and the sockets that it has accepted. */
export interface RunningServer {
  readonly port: number;
  readonly sockets: readonly Socket[];
}

const running = new Set<Server>();
const agents = new Set<Agent>();
after(() => {
  for (const agent of agents) agent.destroy();
  for (const server of running) {
    server.closeAllConnections();
    server.close();
  }
});

/** Listens on a free port until the test file is done. */
export async function listen(server: Server): Promise<RunningServer> {
  const sockets: Socket[] = [];
  server.on('connection', (socket: Socket) => sockets.push(socket));
  running.add(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return { port: typeof address === 'object' && address ? address.port : 0, sockets };
}

/** An agent that keeps so many sockets and uses them again. */
export function keepAliveAgent(sockets: number): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets: sockets });
  agents.add(agent);
  return agent;
}

export interface Sent {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: OutgoingHttpHeaders;
  /** The parts of the body; each is sent only when the server has read the ones before. */
  readonly body?: readonly (string | Buffer)[];
  readonly agent?: Agent;
}

export interface Received {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly isSocketReused: boolean;
}

/** Sends one request over real HTTP and reads the whole of the answer. */
export function send(
  server: RunningServer,
  { method, path = '/work', headers, body = [], agent }: Sent,
): Promise<Received> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: '127.0.0.1',
        port: server.port,
        method: method ?? (body.length > 0 ? 'POST' : 'GET'),
        path,
        ...(headers && { headers }),
        ...(agent && { agent }),
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: Buffer.concat(chunks).toString(),
            isSocketReused: outgoing.reusedSocket,
          }),
        );
      },
    );
    outgoing.on('error', reject);
    void (async () => {
      const total = (): number => server.sockets.reduce((sum, socket) => sum + socket.bytesRead, 0);
      for (const [index, part] of body.entries()) {
        const before = total();
        if (index === body.length - 1) break;
        outgoing.write(part);
        await until(() => total() >= before + part.length);
      }
      outgoing.end(body.at(-1));
    })().catch(reject);
  });
}

/** Waits until a condition holds. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await setImmediate();
  // Whatever was triggered by what made it true has run as well.
  await setImmediate();
}

/** A multipart form with one field and one file, in two parts that split the file. */
export function multipart(): Pick<Sent, 'body' | 'headers'> {
  const boundary = 'threadline-test-boundary';
  const text = [
    `--${boundary}`,
    'content-disposition: form-data; name="title"',
    '',
    'a title',
    `--${boundary}`,
    'content-disposition: form-data; name="file"; filename="a.txt"',
    'content-type: text/plain',
    '',
    'x'.repeat(200_000),
    `--${boundary}--`,
    '',
  ].join('\r\n');
  return {
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}`, 'content-length': text.length },
    body: [text.slice(0, 100_000), text.slice(100_000)],
  };
}
