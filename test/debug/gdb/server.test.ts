/** The port: who may connect, who goes half way, and that nobody but this host can. */
import { connect, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { frame } from '../../../debug/gdb/framing.ts';
import { type GdbServer, serveGdb } from '../../../debug/gdb/server.ts';
import type { Served } from '../../../debug/gdb/stub.ts';
import { benchTarget, serving } from './client.ts';

let served: Served;
let server: GdbServer;

beforeEach(async () => {
  served = serving(await benchTarget());
  server = await serveGdb(served, 0);
});

afterEach(() => server.close());

function open(host = '127.0.0.1'): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(server.port, host, () => resolve(socket));
    socket.on('error', reject);
  });
}

/** All that comes until the server closes, or `enough` has come. */
function hear(socket: Socket, enough = (_: string) => false): Promise<string> {
  return new Promise(resolve => {
    let text = '';
    socket.on('data', bytes => {
      text += bytes.toString('latin1');
      if (enough(text)) resolve(text);
    });
    socket.on('close', () => resolve(text));
  });
}

/** Connects and asks; tries again while the last client's session is being ended. */
async function ask(packet: string): Promise<string> {
  for (let n = 0; n < 200; n++) {
    const socket = await open();
    const heard = hear(socket, text => /#..$/.test(text));
    socket.write(frame(packet));
    const text = await heard;
    socket.destroy();
    if (!text.includes('another client')) return text;
    await new Promise(resolve => setTimeout(resolve, 5));
  }
  return 'busy for ever';
}

it('serves one client after another', async () => {
  expect(await ask('qAttached')).toBe('+$1#31');
  expect(await ask('qAttached')).toBe('+$1#31');
});

it('refuses a second one, and goes on with the first', async () => {
  const first = await open();
  const heard = hear(first, text => text.includes('#'));
  const second = await open();
  expect(await hear(second)).toBe(frame('E.another client is connected'));
  first.write(frame('qAttached'));
  expect(await heard).toBe('+$1#31');
  first.destroy();
});

it('listens on the loopback only', async () => {
  const others = Object.values(networkInterfaces()).flatMap(list =>
    (list ?? []).filter(i => !i.internal && i.family === 'IPv4').map(i => i.address),
  );
  for (const host of others) await expect(open(host), host).rejects.toThrow();
});

it('ends when a client says so, and when it is closed', async () => {
  const socket = await open();
  socket.write(frame('k'));
  await server.closed;
  const other = await serveGdb(served, 0);
  other.close();
  await other.closed;
});

it('says why it cannot have a port', async () => {
  await expect(serveGdb(served, server.port)).rejects.toThrow('EADDRINUSE');
});

it('stops the guest when the client goes while it runs', async () => {
  const { target } = served.debugger;
  target.machine.writePhysical(target.pc(), Uint8Array.of(0xeb, 0xfe));
  const socket = await open();
  socket.write(frame('vCont;c'));
  await new Promise(resolve => setTimeout(resolve, 20));
  socket.destroy();
  expect(await ask('qC')).toBe(`+${frame('QC1')}`);
});

it('survives what goes half way, floods, or is rubbish', async () => {
  const beginnings = ['$', '$m', '$m0,4#', '$X0,ffff:', `$${'a'.repeat(100_000)}`, frame('?').repeat(5000)];
  const piece = fc.oneof(fc.constantFrom(...beginnings), fc.string({ unit: 'binary', maxLength: 200 }));
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 4 }), fc.boolean(), async (pieces, politely) => {
      const socket = await open();
      for (const text of pieces) socket.write(text, 'latin1');
      if (politely) socket.end();
      else setTimeout(() => socket.destroy(), 1);
      await hear(socket);
    }),
    { numRuns: 60 },
  );
  expect(await ask('qC')).toBe(`+${frame('QC1')}`);
});
