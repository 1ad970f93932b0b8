/** Whatever an editor sends, and whenever it goes: an error response or the end of its conversation, never of ours. */
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REQUESTS } from '../../../debug/dap/session.ts';
import { encode, MessageReader } from '../../../debug/dap/wire.ts';
import { buildBenchGuests } from '../../../guest/bench.ts';
import { artefact } from '../../../guest/build.ts';
import { Editor, type Server, startServer } from './rig.ts';

let server: Server;
let image: string;

beforeAll(async () => {
  image = artefact(await buildBenchGuests({ only: ['call'], shift: 12 }), 'call.elf');
  server = await startServer();
});

afterAll(() => server.close());

/** A connection without manners. */
class Raw {
  readonly socket: Socket;
  readonly messages: {
    type: string;
    request_seq?: number;
    success?: boolean;
    message?: string;
    event?: string;
  }[] = [];
  readonly closed: Promise<void>;

  constructor() {
    this.socket = connect(server.port, '127.0.0.1');
    const reader = new MessageReader(message => this.messages.push(message as (typeof this.messages)[0]));
    this.socket.on('data', chunk => reader.push(chunk));
    this.socket.on('error', () => {});
    this.closed = new Promise(done => this.socket.on('close', () => done()));
  }

  send(command: unknown, args: unknown, seq: unknown): void {
    this.socket.write(encode({ type: 'request', seq, command, arguments: args }));
  }

  /** Waits for the response to a request. */
  async response(seq: number): Promise<(typeof this.messages)[0]> {
    for (;;) {
      const found = this.messages.find(m => m.type === 'response' && m.request_seq === seq);
      if (found) return found;
      await new Promise(done => this.socket.once('data', done));
    }
  }
}

const LEAVE = ['disconnect', 'terminate'];
const RUBBISH = [undefined, null, 0, 'x', [], {}, [null], { source: {} }, { breakpoints: [{}] }];
const SHAPES = [
  { threadId: -1, frameId: 2 ** 30, variablesReference: 2 ** 30, name: '', value: '', expression: '((' },
  { memoryReference: '0xffffffff', offset: 2 ** 39, count: 1 << 20, instructionCount: 4096, data: 'AAAA' },
  {
    memoryReference: '0xfffffff8',
    offset: 0,
    count: 64,
    instructionCount: 64,
    instructionOffset: -64,
    data: 'AAAA',
  },
  { source: { path: '/no/such/file.c' }, breakpoints: [{ line: 2 ** 31 }], line: 1, endLine: 2 ** 31 },
  {
    source: { path: 'file://%zz' },
    sourceReference: 77,
    breakpoints: [{ line: 0 }],
    line: 0,
    text: '>\u0000',
    column: 9,
  },
  {
    breakpoints: [{ name: '\u0000' }, { name: '*0x' }],
    filters: ['x'],
    filterOptions: [{ filterId: '__proto__' }],
  },
  { breakpoints: [{ instructionReference: 'x' }, { instructionReference: '0x10', offset: -99 }] },
  { breakpoints: [{ dataId: '0x10:0' }, { dataId: 'x' }], expression: '>frob', context: 'repl', name: '*' },
];

describe('requests', () => {
  it('that are wrong get an error before anything is launched', async () => {
    const raw = new Raw();
    let seq = 0;
    for (const command of [...Object.keys(REQUESTS), 'frob', '__proto__', 'constructor'])
      for (const args of LEAVE.includes(command) || command === 'launch' ? [] : [...RUBBISH, ...SHAPES]) {
        raw.send(command, args, ++seq);
        const { success, message } = await raw.response(seq);
        if (success) expect(['initialize', 'disconnect']).toContain(command);
        else expect(message, command).toMatch(/./);
        expect(message ?? '').not.toMatch(/internal/);
      }
    raw.send('launch', { image: '/no/such/file' }, 10_001);
    expect((await raw.response(10_001)).message).toBe('no such file: /no/such/file');
    raw.send('launch', { isolation: 'some' }, 10_002);
    expect((await raw.response(10_002)).message).toMatch(/^bad arguments: isolation: /);
    raw.send('launch', { profile: 'z80' }, 10_003);
    expect((await raw.response(10_003)).message).toMatch(/^unknown profile z80/);
    raw.send('attach', {}, 10_004);
    expect((await raw.response(10_004)).message).toMatch(/use "request": "launch"/);
    raw.socket.destroy();
    expect(server.log()).toBe('');
  });

  it('that are wrong get an error in a session, and it goes on', async () => {
    const raw = new Raw();
    raw.send('initialize', { adapterID: 'x' }, 1);
    raw.send('launch', { image, stopOnEntry: true }, 2);
    expect(await raw.response(2)).toMatchObject({ success: true });
    raw.send('configurationDone', undefined, 3);
    await raw.response(3);
    let seq = 3;
    for (const command of Object.keys(REQUESTS))
      for (const args of LEAVE.includes(command) ? [] : [...RUBBISH, ...SHAPES]) {
        raw.send(command, args, ++seq);
        expect((await raw.response(seq)).message ?? '', command).not.toMatch(/internal/);
      }
    raw.send('pause', {}, ++seq);
    raw.send('threads', {}, ++seq);
    expect(await raw.response(seq)).toMatchObject({ success: true });
    raw.send('disconnect', {}, ++seq);
    expect(await raw.response(seq)).toMatchObject({ success: true });
    await raw.closed;
    expect(server.log()).toBe('');
  });

  it('that are none are not answered', async () => {
    const raw = new Raw();
    for (const message of [null, 1, [], 'x', {}, { type: 'request' }, { type: 'response', request_seq: 1 }])
      raw.socket.write(encode(message));
    raw.socket.write('Content-Length: 3\r\n\r\n{{{');
    raw.send(7, {}, 1);
    raw.send('initialize', {}, 'x');
    raw.send('initialize', { pathFormat: 'runes' }, 2);
    expect(await raw.response(2)).toMatchObject({
      success: false,
      message: 'no path format runes: path or uri',
    });
    raw.send('initialize', {}, 3);
    expect(await raw.response(3)).toMatchObject({ success: true });
    expect(raw.messages).toHaveLength(2);
    raw.socket.destroy();
  });
});

describe('an editor that goes away', () => {
  it.each([
    ['with rubbish', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['with a huge message', 'Content-Length: 123456789012\r\n\r\n'],
    ['with a header without an end', 'x'.repeat(10_000)],
  ])('%s is let go', async (_what, text) => {
    const raw = new Raw();
    raw.socket.write(text);
    await raw.closed;
    expect(raw.messages).toEqual([]);
  });

  it('in the middle of a message, or of a run, leaves nothing behind', async () => {
    const half = new Raw();
    half.socket.end('Content-Length: 100\r\n\r\n{"type"');
    await half.closed;

    const running = new Raw();
    running.send('initialize', {}, 1);
    running.send('launch', { image }, 2);
    running.send('configurationDone', {}, 3);
    await running.response(3);
    running.socket.destroy();
    await running.closed;

    const launching = new Raw();
    launching.send('initialize', {}, 1);
    launching.send('launch', {}, 2);
    await launching.response(1);
    launching.socket.destroy();

    const editor = await Editor.connect(server);
    expect(await editor.launch({ image, stopOnEntry: true })).toMatchObject({ reason: 'entry' });
    await editor.quit();
  });

  it('may send thousands of requests and read none of the answers', async () => {
    const raw = new Raw();
    raw.socket.pause();
    for (let seq = 1; seq <= 5000; seq++) raw.send('initialize', {}, seq);
    const editor = await Editor.connect(server);
    expect(await editor.launch({ image, stopOnEntry: true })).toMatchObject({ reason: 'entry' });
    await editor.quit();
    raw.socket.resume();
    expect(await raw.response(5000)).toMatchObject({ success: true });
    expect(raw.messages).toHaveLength(5000);
    raw.socket.destroy();
  });

  it('is one of a few at a time', async () => {
    const many = Array.from({ length: 10 }, () => new Raw());
    for (const raw of many) raw.send('initialize', {}, 1);
    const served = await Promise.all(many.map(raw => Promise.race([raw.response(1), raw.closed])));
    expect(served.filter(Boolean).length).toBeGreaterThan(0);
    expect(served.filter(answer => !answer).length).toBeGreaterThan(0);
    for (const raw of many) raw.socket.destroy();
    await Promise.all(many.map(raw => raw.closed));
  });
});
