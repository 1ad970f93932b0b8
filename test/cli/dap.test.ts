/** `nooks86 dap` as a process: on stdin and stdout, on a port, and how it ends. */
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { DebugClient } from '@vscode/debugadapter-testsupport';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildBenchGuests } from '../../guest/bench.ts';
import { artefact } from '../../guest/build.ts';
import { bundle } from './bundle.ts';

let script: string;
let remove = () => {};
let image: string;

beforeAll(async () => {
  ({ script, remove } = bundle());
  image = artefact(await buildBenchGuests({ only: ['call'], shift: 12 }), 'call.elf');
});

afterAll(() => remove());

/** Runs `nooks86 ARGS`; `input` comes on stdin, which then ends unless it is to stay open. */
async function run(args: string[], input: string, end = true) {
  const child = spawn(process.execPath, [script, ...args]);
  let [out, err] = ['', ''];
  child.stdout.on('data', chunk => {
    out += chunk;
  });
  child.stderr.on('data', chunk => {
    err += chunk;
  });
  child.stdin.on('error', () => {});
  child.stdin.write(input);
  if (end) child.stdin.end();
  const code = await new Promise(done => child.on('close', done));
  child.stdin.destroy();
  return { code, out, err };
}

const message = (seq: number, command: string, args: object = {}) => {
  const json = JSON.stringify({ type: 'request', seq, command, arguments: args });
  return `Content-Length: ${Buffer.byteLength(json)}\r\n\r\n${json}`;
};

describe('on stdin and stdout', () => {
  it('an editor debugs', async () => {
    const dc = new DebugClient(process.execPath, `${script} dap`, 'nooks86', { shell: true });
    await dc.start();
    const initialized = dc.waitForEvent('initialized', 30_000);
    await dc.launch({ image, stopOnEntry: true } as object);
    await initialized;
    const stopped = dc.waitForEvent('stopped', 30_000);
    await dc.configurationDoneRequest();
    expect((await stopped).body.reason).toBe('entry');
    const { stackFrames } = (await dc.stackTraceRequest({ threadId: 1 })).body;
    expect(stackFrames[0].source?.name).toMatch(/\.S$/);
    await dc.stop();
  });

  it('it ends with its editor, also in the middle of a run', async () => {
    const launch = message(1, 'initialize') + message(2, 'launch', { image });
    const ended = await run(['dap'], launch + message(3, 'configurationDone'));
    expect(ended).toMatchObject({ code: 0, err: '' });
    const left = await run(['dap'], launch + message(3, 'disconnect'), false);
    expect(left).toMatchObject({ code: 0, err: '' });
    expect(left.out).toMatch(/"command":"disconnect","success":true|"success":true,"command":"disconnect"/);
  });

  it('rubbish ends it with a line on stderr', async () => {
    const { code, out, err } = await run(['dap'], 'hello?\r\n\r\n', false);
    expect([code, out]).toEqual([0, '']);
    expect(err).toBe('nooks86: dap: the editor sent a header without Content-Length\n');
  });
});

describe('on a port', () => {
  it('which must be one, and free', async () => {
    expect(await run(['dap', '--port', '65536'], '')).toMatchObject({
      code: 2,
      err: 'nooks86: --port must be a whole number from 0 to 65535, not 65536\n',
    });
    const taken = createServer();
    const port = await new Promise<number>(done =>
      taken.listen(0, '127.0.0.1', () => done((taken.address() as { port: number }).port)),
    );
    expect(await run(['dap', '--port', String(port)], '')).toMatchObject({
      code: 2,
      err: `nooks86: cannot listen on port ${port} (EADDRINUSE)\n`,
    });
    taken.close();
  });
});
