import { Socket as NetSocket } from 'node:net';
import { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { ThreadlineError } from '../../core/errors.ts';
import { enterScope } from '../../core/store.ts';
import type { Connection, Socket } from './connection.ts';
import type { Query } from './driver.ts';
import { receive } from './incoming.ts';
import { outgoing } from './outgoing.ts';

/*
 * The driver keeps its sockets to itself. The first query on a connection carries a mark that is
 * long enough for the driver to write it at once: what is written with that mark, before the call
 * that executes the query returns, shows the socket.
 */

type Write = Duplex['write'];

const waiting = new Map<string, Connection>();
// Tracers give sockets a `write` of their own, or replace the one that all have, at any time.
const OWNERS: readonly { write: Write }[] = [Duplex.prototype, NetSocket.prototype, TLSSocket.prototype];
let looking: readonly { owner: { write: Write }; write: Write; hook: Write }[] = [];

/** Takes over the socket that the query's mark is written to, in this very call. */
export function findSocket(query: Query, mark: string, connection: Connection): void {
  waiting.set(mark, connection);
  if (looking.length === 0) look();
  queueMicrotask(() => {
    if (!waiting.delete(mark)) return;
    stopLooking();
    refuse(query);
  });
}

function look(): void {
  looking = OWNERS.filter((owner) => Object.hasOwn(owner, 'write')).map((owner) => {
    const { write } = owner;
    const hook = function (this: Duplex, ...args: unknown[]): boolean {
      const [chunk] = args;
      if (Buffer.isBuffer(chunk))
        for (const [mark, connection] of waiting)
          if (chunk.includes(mark, 0, 'latin1')) {
            waiting.delete(mark);
            stopLooking();
            return takeOver(this as unknown as Socket, connection, chunk);
          }
      return Reflect.apply(write, this, args) as boolean;
    };
    owner.write = hook as Write;
    return { owner, write, hook: hook as Write };
  });
}

function stopLooking(): void {
  if (waiting.size > 0) return;
  for (const { owner, write, hook } of looking) if (owner.write === hook) owner.write = write;
  looking = [];
}

function takeOver(socket: Socket, connection: Connection, chunk: Buffer): boolean {
  const send = socket.write.bind(socket);
  const emit = socket.emit.bind(socket);
  connection.socket = socket;
  connection.send = send;
  socket.write = (bytes, ...rest) => {
    if (!Buffer.isBuffer(bytes)) return send(bytes, ...rest);
    const now = outgoing(connection, bytes);
    return now.length === 0 || send(now, ...rest);
  };
  const pass = (bytes: Buffer) => void emit('data', bytes);
  socket.emit = (event, ...args) =>
    enterScope(undefined, () => {
      const [bytes] = args;
      if (event !== 'data' || !Buffer.isBuffer(bytes)) return emit(event, ...args);
      receive(connection, bytes, pass);
      return true;
    });
  return socket.write(chunk);
}

/**
 * The mark went to a socket that is no stream of Node's: the server refuses the query, and this is why. Or it went to one
 * that is lost, which the driver does not know yet: then the error is the driver's, and right as it is.
 */
function refuse(query: Query): void {
  const { reject } = query;
  query.reject = (cause) =>
    reject(
      'severity' in Object(cause)
        ? new ThreadlineError(
            'TL_POSTGRES_SOCKET_UNSUPPORTED',
            'The socket option of postgres() must return a net.Socket or another Duplex of node:stream',
            { cause },
          )
        : cause,
    );
}
