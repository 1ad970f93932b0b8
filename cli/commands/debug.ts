/**
 * `nooks86 debug`: the debugger (debug/) at a prompt (cli/prompt.ts), in a pipe, or from scripts. What is piped is
 * echoed, so that the output reads like a session. With --gdb a debugger of the user's connects instead (cli/gdb.ts).
 * The exit code is 2 when a command of a script or pipe could not be done, else 0, however the guest ended.
 */
import { basename, dirname, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import type { Command } from 'commander';
import type { Interpreter } from '../../debug/interpreter.ts';
import type { Target } from '../../debug/target.ts';
import type { EngineKind } from '../../emu/board.ts';
import { buildGuest } from '../../guest/build.ts';
import { projectRoot } from '../../guest/project.ts';
import { choice, engineOption, readInput, wholeNumber } from '../arguments.ts';
import { coloured, wantsColour } from '../colour.ts';
import { type CommandContext, USAGE_ERROR } from '../context.ts';
import { historyPath } from '../history-file.ts';
import { OutputFile } from '../output-file.ts';
import { openProgress } from '../progress.ts';
import { converseAt, filesFrom, PROMPT } from '../prompt.ts';
import { sourceReader } from '../read-source.ts';

const MAX_MEMORY_MB = 2048;
const MAX_HISTORY_MB = 65_536;
/** Where nobody can press Ctrl-C, a command ends by itself. */
const UNATTENDED_CYCLES = 4_000_000_000;

export interface DebugOptions {
  isolation: 'none' | 'nooks';
  profile: string;
  engine: EngineKind;
  memory: number;
  history: number;
  x: string[];
  batch?: boolean;
  color: boolean;
  maxCycles?: number;
  /** Port for gdb. */
  gdb?: number;
}

/** Where commands come from when no script gives them. */
export type CommandInput = NodeJS.ReadableStream & { isTTY?: boolean };

export function registerDebug(
  program: Command,
  context: CommandContext,
  input: CommandInput = process.stdin,
): void {
  program
    .command('debug')
    .description('debug a Multiboot image, or our kernel and the e1000 driver, from the first instruction on')
    .argument('[image]', 'ELF file, or any file whose Multiboot header has addresses')
    .option(
      '--isolation <kind>',
      'none or nooks, for our kernel',
      choice('--isolation', ['none', 'nooks']),
      'nooks',
    )
    .option('--profile <name>', 'machine profile', 'p4-1700')
    .addOption(engineOption())
    .option('--memory <MB>', 'RAM in MiB', wholeNumber('--memory', 1, MAX_MEMORY_MB), 64)
    .option(
      '--history <MB>',
      'memory in MiB for snapshots of the past, to run backwards',
      wholeNumber('--history', 1, MAX_HISTORY_MB),
      512,
    )
    .option('-x <file>', 'run the commands in a file first; may be given many times', collect, [])
    .option(
      '--batch',
      'leave when the files are done; exit code 2 if one of their commands could not be done',
    )
    .option('--no-color', 'no colours at a terminal; so does NO_COLOR in the environment')
    .option(
      '--max-cycles <n>',
      'cycles that one command may run (default: no limit at a prompt, 4e9 otherwise)',
      wholeNumber('--max-cycles', 1, 2 ** 50),
    )
    .option(
      '--gdb <port>',
      'wait for gdb on this port of 127.0.0.1 (0: any free one) instead of a prompt',
      wholeNumber('--gdb', 0, 65535),
    )
    .action((image: string | undefined, options: DebugOptions) => debug(image, options, context, input));
}

async function debug(
  path: string | undefined,
  options: DebugOptions,
  context: CommandContext,
  input: CommandInput,
): Promise<void> {
  const scripts = options.x.map(file => ({ file, lines: textLines(readInput(file)) }));
  const console = new Console(context);
  const target = await boot(path, options, console);
  await converse(target, scripts, options, console, context, input, path);
}

export interface Script {
  file: string;
  lines: string[];
}

/** Debugs what is loaded: scripts first, then what comes from a prompt or a pipe. */
export async function converse(
  target: Target,
  scripts: readonly Script[],
  options: Pick<DebugOptions, 'batch' | 'maxCycles' | 'gdb'> &
    Partial<Pick<DebugOptions, 'history' | 'color'>>,
  console: Console,
  context: CommandContext,
  input: CommandInput,
  path?: string,
): Promise<void> {
  const [{ Interpreter }, { Debugger }] = await Promise.all([
    import('../../debug/interpreter.ts'),
    import('../../debug/debugger.ts'),
  ]);
  const served = options.gdb !== undefined;
  const attended = served || (input.isTTY === true && !options.batch);
  const interrupt = { wanted: false };
  const pause = async () => {
    await setImmediate();
    return interrupt.wanted;
  };
  const colour = wantsColour(context.terminal === true, options.color ?? true, process.env);
  const out = { write: (text: string) => console.write(colour ? coloured(text) : text) };
  const budget = options.history && options.history * 2 ** 20;
  const root = path === undefined ? projectRoot() : dirname(resolve(path));
  const debug = new Debugger(target, pause, { budget, readSource: sourceReader(root) });
  const interpreter = new Interpreter({
    target,
    debugger: debug,
    write: text => out.write(text),
    limit: options.maxCycles ?? (attended ? undefined : UNATTENDED_CYCLES),
    pause,
    readScript: file => textLines(readInput(file)),
    echo: line => console.echo(line),
    stopped: () => interrupt.wanted,
    files: filesFrom,
    openTrace: file => new OutputFile(file),
  });
  const ofProcess = input === process.stdin;
  const onInterrupt = () => {
    interrupt.wanted = true;
  };
  if (attended && ofProcess) process.on('SIGINT', onInterrupt);
  let good = true;
  for (const { file, lines } of scripts) {
    if (interrupt.wanted) break;
    good = (await interpreter.script(basename(file), lines)) && good;
  }
  process.off('SIGINT', onInterrupt);
  interrupt.wanted = false;
  if (options.gdb !== undefined) {
    const { serve } = await import('../gdb.ts');
    if (!interpreter.done)
      await serve(options.gdb, { debug, interpreter, interrupt, out, limit: options.maxCycles, path });
  } else if (!options.batch && !interpreter.done) {
    const history = ofProcess ? historyPath(process.env) : undefined;
    const output = ofProcess ? process.stdout : new ContextStream(context);
    if (attended) await converseAt({ input, output, history }, interpreter, interrupt);
    else good = (await fromPipe(interpreter, input, console)) && good;
  }
  good = interpreter.close() && good;
  console.flush();
  if (!good && !attended) context.exitCode = USAGE_ERROR;
}

function boot(path: string | undefined, options: DebugOptions, console: Console): Promise<Target> {
  return bootDebuggee(path, options, byte => console.serial(byte));
}

/** An image, or our kernel with somebody at the far end of its wire, at the first instruction. */
export async function bootDebuggee(
  path: string | undefined,
  options: Pick<DebugOptions, 'isolation' | 'profile' | 'engine' | 'memory'>,
  onSerial: (byte: number) => void,
): Promise<Target> {
  const [{ bootImage, bootKernel, FAR_IP, PORT }, { allocate, findProfile }, { Station }, { Sink }] =
    await Promise.all([
      import('../../debug/boot.ts'),
      import('../pc.ts'),
      import('../../bench/farend/station.ts'),
      import('../../bench/farend/sink.ts'),
    ]);
  const machineOptions = {
    profile: findProfile(options.profile),
    engine: options.engine,
    memoryBytes: options.memory * 2 ** 20,
    onSerial,
  };
  if (path !== undefined) {
    const bytes = readInput(path);
    return allocate(() => bootImage(bytes, basename(path), machineOptions), machineOptions.memoryBytes);
  }
  const building = openProgress('building', 'files');
  const build = await buildGuest({ onProgress: building.update }).finally(building.close);
  const target = allocate(
    () => bootKernel(build, options.isolation, machineOptions),
    machineOptions.memoryBytes,
  );
  const { clock, cards } = target.machine;
  const station = new Station(clock, cards[0].wire, 1, { ip: FAR_IP });
  cards[0].wire.connect(1, station);
  target.hostStates.push(station, new Sink(station, PORT));
  return target;
}

async function fromPipe(interpreter: Interpreter, input: CommandInput, console: Console): Promise<boolean> {
  let good = true;
  for await (const line of createInterface({ input })) {
    console.echo(line);
    good = (await interpreter.execute(line)) && good;
    if (interpreter.done) break;
  }
  return good;
}

function textLines(bytes: Uint8Array): string[] {
  return new TextDecoder().decode(bytes).replace(/\n$/, '').split('\n');
}

function collect(value: string, previous: string[]): string[] {
  return [...previous, value];
}

/** For a prompt whose terminal is not the process's. */
class ContextStream extends Writable {
  constructor(context: CommandContext) {
    super({
      write(chunk, _, done) {
        context.out(chunk);
        done();
      },
    });
  }
}

/** One stream for two writers: the guest's serial port, in whole lines, and the debugger. */
export class Console {
  private readonly context: CommandContext;
  private line = '';

  constructor(context: CommandContext) {
    this.context = context;
  }

  serial(byte: number): void {
    this.line += String.fromCharCode(byte);
    if (byte === 0x0a || this.line.length >= MAX_LINE) this.flush();
  }

  write(text: string): void {
    this.context.out(text);
  }

  echo(line: string): void {
    this.write(`${PROMPT}${line}\n`);
  }

  /** What the guest has begun to write is held until its line is whole, or the session ends. */
  flush(): void {
    this.context.out(Uint8Array.from(this.line, c => c.charCodeAt(0)));
    this.line = '';
  }
}

const MAX_LINE = 4096;
