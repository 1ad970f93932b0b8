/**
 * `nooks86 dap`: the debug adapter (debug/dap/) on stdin and stdout, as editors start it, or on a loopback port, for
 * `debugServer` of a launch configuration. One editor a connection, one guest an editor.
 */
import { createServer, type Socket } from 'node:net';
import { dirname, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { setImmediate, setTimeout } from 'node:timers/promises';
import type { Command } from 'commander';
import type { Pause } from '../../debug/control.ts';
import type { Debuggee, Host, LaunchArguments } from '../../debug/dap/launch.ts';
import type { EngineKind } from '../../emu/board.ts';
import { projectRoot } from '../../guest/project.ts';
import { engineOption, wholeNumber } from '../arguments.ts';
import { type CommandContext, UsageError } from '../context.ts';
import { sourceReader } from '../read-source.ts';
import { bootDebuggee } from './debug.ts';

const LOOPBACK = '127.0.0.1';
const MAX_EDITORS = 4;
/** Bytes that an editor may leave unread before the guest waits for it. */
const MAX_UNREAD = 1 << 20;
const UNREAD_LOOK_MS = 20;
/** Requests that may wait for an answer before no more are read. */
const MAX_WAITING = 1000;

export interface DapStreams {
  input: NodeJS.ReadableStream;
  output: NodeJS.WritableStream;
}

export function registerDap(
  program: Command,
  context: CommandContext,
  streams: DapStreams = { input: process.stdin, output: process.stdout },
): void {
  program
    .command('dap')
    .description('debug adapter for editors: on stdin and stdout, or on a port')
    .option(
      '--port <n>',
      'listen on this port of the loopback interface (0: any)',
      wholeNumber('--port', 0, 65535),
    )
    .addOption(engineOption())
    .action(async ({ port, engine }: { port?: number; engine: EngineKind }) => {
      if (port === undefined) await converse(streams.input, streams.output, engine, context);
      else await serve(port, engine, context);
    });
}

/** Until the process is interrupted. Throws a UsageError for a port that cannot be had. */
export async function serve(
  port: number,
  engine: EngineKind,
  context: CommandContext,
  signal?: AbortSignal,
): Promise<void> {
  let editors = 0;
  const server = createServer(socket => {
    if (editors >= MAX_EDITORS) return void socket.destroy();
    editors++;
    void converse(socket, socket, engine, context).finally(() => {
      editors--;
      socket.destroy();
    });
  });
  await new Promise<void>((done, fail) => {
    server.on('error', (error: NodeJS.ErrnoException) =>
      fail(new UsageError(`cannot listen on port ${port} (${error.code})`)),
    );
    server.on('close', done);
    signal?.addEventListener('abort', () => server.close());
    server.listen(port, LOOPBACK, () => {
      const address = server.address();
      const at = typeof address === 'object' && address ? address.port : port;
      context.err(`nooks86: debug adapter on port ${at} of ${LOOPBACK}\n`);
    });
  });
}

/** One conversation. Never rejects: an editor that goes away, in whatever state, just ends it. */
export async function converse(
  input: NodeJS.ReadableStream,
  output: NodeJS.WritableStream,
  engine: EngineKind,
  context: CommandContext,
): Promise<void> {
  const [{ Adapter }, { encode, MessageReader, WireError }] = await Promise.all([
    import('../../debug/dap/session.ts'),
    import('../../debug/dap/wire.ts'),
  ]);
  return new Promise(done => {
    let open = true;
    const end = () => {
      if (!open) return;
      open = false;
      adapter.close();
      input.removeListener('data', receive);
      // An open stdin would keep the process.
      (input as Readable).destroy();
      done();
    };
    const host: Host = {
      launch: (args, pause, serial) =>
        launch({ ...args, engine: args.engine ?? engine }, pause, serial, context),
      breathe: async () => {
        await setImmediate();
        while (open && unread(output) > MAX_UNREAD) await setTimeout(UNREAD_LOOK_MS);
      },
      log: text => context.err(`nooks86: dap: ${text}\n`),
      close: () => {
        // What was written goes out first.
        if (open) output.write('', end);
      },
    };
    const adapter = new Adapter(host);
    adapter.onDidSendMessage(message => {
      if (open) output.write(encode(message));
    });
    const reader = new MessageReader(message => adapter.handleMessage(message));
    const receive = (chunk: Uint8Array) => {
      try {
        reader.push(chunk);
        if (adapter.waiting > MAX_WAITING) {
          input.pause();
          void adapter.idle().then(() => open && input.resume());
        }
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
        host.log(`the editor sent ${error.message}`);
        end();
      }
    };
    input.on('data', receive);
    for (const event of ['end', 'close', 'error']) input.on(event, end);
    for (const event of ['close', 'error']) output.on(event, end);
  });
}

function unread(output: NodeJS.WritableStream): number {
  return (output as Socket).writableLength ?? 0;
}

async function launch(
  args: LaunchArguments & { engine: EngineKind },
  pause: Pause,
  serial: (byte: number) => void,
  context: CommandContext,
): Promise<Debuggee> {
  const { image, isolation, profile, engine, memory, results, trial } = args;
  const { Debugger } = await import('../../debug/debugger.ts');
  if ((results === undefined) !== (trial === undefined))
    throw new UsageError('results and trial go together: which trial of which file');
  if (results !== undefined && trial !== undefined) {
    const { openTrial } = await import('./replay.ts');
    const { target, text } = await openTrial(results, trial, engine, context);
    const sourceRoot = args.sourceRoot ?? projectRoot();
    const debug = new Debugger(target, pause, { readSource: sourceReader(sourceRoot) });
    return { debugger: debug, sourceRoot, message: text.trimEnd() };
  }
  const target = await bootDebuggee(image, { isolation, profile, engine, memory }, serial);
  const sourceRoot = args.sourceRoot ?? (image === undefined ? projectRoot() : dirname(resolve(image)));
  return { debugger: new Debugger(target, pause, { readSource: sourceReader(sourceRoot) }), sourceRoot };
}
