/** The port that gdb connects to: loopback only, one client at a time, who may go and come again. */
import { createServer, type Server, type Socket } from 'node:net';
import { frame } from './framing.ts';
import { type End, Session } from './session.ts';
import type { Served } from './stub.ts';

const LOOPBACK = '127.0.0.1';
const BUSY = frame('E.another client is connected');

export interface GdbServer {
  port: number;
  /** Resolves when a client has ended the guest, or `close` was called. */
  closed: Promise<void>;
  close(): void;
}

/** Port 0 picks a free one. Rejects with the system's error if the port cannot be had. */
export function serveGdb(served: Served, port: number): Promise<GdbServer> {
  let client: Socket | undefined;
  const server = createServer({ noDelay: true }, socket => {
    socket.on('error', () => socket.destroy());
    if (client) return socket.end(BUSY);
    client = socket;
    const ended = (how: End) => {
      // Not end(): a client that never closes its side must not keep us.
      if (how === 'flooded') socket.destroy();
      else socket.destroySoon();
      if (how === 'killed') server.close();
    };
    const session = new Session(served, bytes => socket.write(bytes), ended);
    socket.on('data', bytes => session.receive(bytes));
    socket.on('close', async () => {
      await session.close();
      client = undefined;
    });
  });
  return listening(server, port, () => client?.destroy());
}

function listening(server: Server, port: number, drop: () => void): Promise<GdbServer> {
  return new Promise((resolve, reject) => {
    const closed = new Promise<void>(done => {
      server.once('close', done);
    });
    server.once('error', reject);
    server.listen(port, LOOPBACK, () => {
      const address = server.address();
      const close = () => {
        server.close();
        drop();
      };
      resolve({ port: typeof address === 'object' && address ? address.port : port, closed, close });
    });
  });
}
