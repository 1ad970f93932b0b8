/**
 * `nooks86 trace`: what happened in a window of a run, in files that other programs open (docs/traces.md). The window
 * is followed from outside (debug/trace/): the run is the one that it would be without. Files are whole or not there.
 */
import { setImmediate } from 'node:timers/promises';
import type { Command } from 'commander';
import { location } from '../../debug/expression.ts';
import type { Target } from '../../debug/target.ts';
import type { Tracer } from '../../debug/trace/tracer.ts';
import { choice, engineOption, wholeNumber } from '../arguments.ts';
import { type CommandContext, UsageError } from '../context.ts';
import { OutputFile } from '../output-file.ts';
import { bootTraced, type Traced, type TraceSource } from '../traced.ts';
import { Console } from './debug.ts';

const MAX_CYCLES = 2 ** 50;
const MAX_EVENTS = 1_000_000_000;
const MAX_MEMORY_MB = 2048;
/** Cycles between two looks at whether the user wants to stop. */
const SLICE = 2_000_000;
/** Exit code after Ctrl-C, as shells have it. */
const INTERRUPTED = 130;

const FILES = {
  chrome: 'Chrome trace events: open it in Perfetto',
  speedscope: 'cycles by call stack: open it in speedscope',
  folded: 'cycles by call stack, for flamegraph.pl',
  branches: 'text: each branch',
  instructions: 'text: each instruction (slow)',
  pcap: 'the frames on the wire',
} as const;
type FileFormat = keyof typeof FILES;
const FILE_FORMATS = Object.keys(FILES) as FileFormat[];

interface TraceFlags extends TraceSource, Partial<Record<FileFormat, string>> {
  out?: string;
  format: FileFormat;
  from?: string;
  to?: string;
  events: number;
  interval: number;
}

export function registerTrace(program: Command, context: CommandContext): void {
  const command = program
    .command('trace')
    .description('write what happens in a window of a run to trace files')
    .argument(
      '[image]',
      'a Multiboot image; without: our kernel with the e1000 driver, which sends a few messages',
    )
    .option('--out <file>', 'a file of the format that --format names')
    .option('--format <name>', FILE_FORMATS.join(', '), choice('--format', FILE_FORMATS), 'chrome');
  for (const format of FILE_FORMATS) command.option(`--${format} <file>`, FILES[format]);
  command
    .option(
      '--from <cycle|symbol>',
      'begin there: cycles since reset, or when this is reached first (default: at once)',
    )
    .option(
      '--to <cycle>',
      'end there: cycles since reset, or +CYCLES after the beginning (default: the end)',
    )
    .option(
      '--events <n>',
      'events or lines that one file may hold',
      wholeNumber('--events', 1, MAX_EVENTS),
      1_000_000,
    )
    .option(
      '--interval <cycles>',
      'between two values of the counters in chrome',
      wholeNumber('--interval', 1000, MAX_CYCLES),
      100_000,
    )
    .option(
      '--isolation <kind>',
      'none or nooks, for our kernel',
      choice('--isolation', ['none', 'nooks']),
      'nooks',
    )
    .option(
      '--workload <name>',
      'send-stream or receive-stream, as the bench has them; traced is what the bench measures',
      choice('--workload', ['send-stream', 'receive-stream']),
    )
    .option(
      '--messages <n>',
      'messages of the workload that are traced',
      wholeNumber('--messages', 1, 1e6),
      4,
    )
    .option(
      '--fault <file>',
      'a trial of a fault campaign, from its injection on: the file that nooks86 inject wrote',
    )
    .option('--trial <id>', 'with --fault: like nooks/restart:1317, or a number')
    .option('--profile <name>', 'machine profile', 'p4-1700')
    .addOption(engineOption())
    .option('--memory <MB>', 'RAM in MiB', wholeNumber('--memory', 1, MAX_MEMORY_MB), 64)
    .action((image: string | undefined, flags: TraceFlags) => trace(image, flags, context));
}

async function trace(image: string | undefined, flags: TraceFlags, context: CommandContext): Promise<void> {
  const wanted = filesOf(flags);
  const window = windowOf(flags);
  const files: { format: FileFormat; file: OutputFile }[] = [];
  try {
    for (const [format, path] of wanted) files.push({ format, file: new OutputFile(path) });
    const console = new Console(context);
    const traced = await bootTraced(image, flags, console, context);
    const report = await record(traced, window, files, flags);
    console.flush();
    for (const { file } of files) file.commit();
    context.err(report.text);
    context.exitCode = report.exitCode;
  } finally {
    for (const { file } of files) file.discard();
  }
}

/** Formats and paths, each once. */
function filesOf(flags: TraceFlags): [FileFormat, string][] {
  const files: [FileFormat, string][] = FILE_FORMATS.flatMap(format => {
    const path = flags[format];
    return path === undefined ? [] : [[format, path]];
  });
  if (flags.out !== undefined) files.push([flags.format, flags.out]);
  if (files.length === 0)
    throw new UsageError(
      `no file to write; give --out FILE, or ${FILE_FORMATS.map(f => `--${f}`).join(', ')}`,
    );
  for (const list of [files.map(([format]) => format as string), files.map(([, path]) => path)]) {
    const twice = list.find((item, n) => list.indexOf(item) !== n);
    if (twice !== undefined) throw new UsageError(`${twice} is given twice`);
  }
  return files;
}

interface Window {
  /** Cycles, or a location that may be known only later. */
  from: number | string | undefined;
  to: number | undefined;
  /** `to` counts from the beginning. */
  relative: boolean;
}

function windowOf({ from, to }: TraceFlags): Window {
  const cycles = (what: string, text: string) => wholeNumber(what, 0, MAX_CYCLES)(text);
  const start =
    from === undefined ? undefined : /^\d/.test(from) && !/^0x/i.test(from) ? cycles('--from', from) : from;
  const relative = to?.startsWith('+') ?? false;
  const end = to === undefined ? undefined : cycles('--to', relative ? to.slice(1) : to);
  if (!relative && end !== undefined && typeof start === 'number' && end <= start)
    throw new UsageError(`--to ${to} is not after --from ${from}`);
  return { from: start, to: end, relative };
}

interface Report {
  text: string;
  exitCode: number;
}

async function record(
  traced: Traced,
  window: Window,
  files: readonly { format: FileFormat; file: OutputFile }[],
  flags: TraceFlags,
): Promise<Report> {
  const { target } = traced;
  const { machine } = target;
  const runner = new Runner(traced);
  const interrupt = () => runner.interrupt();
  process.once('SIGINT', interrupt);
  try {
    await runner.to(window.from);
    const begin = machine.cycles();
    const end = window.to === undefined ? undefined : window.relative ? begin + window.to : window.to;
    if (end !== undefined && end <= begin)
      throw new UsageError(`the window is empty: it begins at cycle ${begin}`);
    const [{ Tracer }, { PcapTap }] = await Promise.all([
      import('../../debug/trace/tracer.ts'),
      import('../../bench/farend/pcap.ts'),
    ]);
    const pcap = files.find(f => f.format === 'pcap');
    const tap =
      pcap &&
      new PcapTap(machine.cards[0].wire, machine.clock.ticksPerSecond, bytes => pcap.file.write(bytes));
    const outputs = files.flatMap(({ format, file }) => (format === 'pcap' ? [] : [{ format, sink: file }]));
    const limits = { events: flags.events, interval: flags.interval };
    // A capture has no bound: while there is one, the run goes on.
    const tracer = new Tracer(target, outputs, limits, () => tap ?? machine.engine.stop());
    const why = await runner.until(end, () => tracer.error !== undefined || (!tap && tracer.done));
    const reason = !tap && tracer.done ? 'the files hold all that they may' : why;
    tracer.stop();
    tap?.close();
    if (tracer.error !== undefined) throw tracer.error;
    return report(tracer, begin, machine.cycles(), reason, runner.interrupted);
  } finally {
    process.removeListener('SIGINT', interrupt);
  }
}

function report(tracer: Tracer, begin: number, end: number, why: string, interrupted: boolean): Report {
  let text = `nooks86: traced ${end - begin} cycles, from ${begin} to ${end}: ${why}\n`;
  for (const { format, at } of tracer.cuts())
    text += `nooks86: the ${format} trace is cut at cycle ${at}: it holds all events that --events allows\n`;
  return { text, exitCode: interrupted ? INTERRUPTED : 0 };
}

/** Runs the guest in slices, so that Ctrl-C is heard and output goes out. */
class Runner {
  interrupted = false;
  private readonly traced: Traced;
  private readonly target: Target;

  constructor(traced: Traced) {
    this.traced = traced;
    this.target = traced.target;
  }

  interrupt(): void {
    this.interrupted = true;
  }

  /** To where the window begins. Throws a UsageError when the run does not come there. */
  async to(from: number | string | undefined): Promise<void> {
    const { machine } = this.target;
    const { opened } = this.traced;
    if (from === undefined && opened === undefined) return;
    if (typeof from === 'number') {
      const why = await this.until(from, () => false);
      if (machine.cycles() < from) throw new UsageError(`cycle ${from} is not reached: ${why}`);
      return;
    }
    let reached = false;
    const remove =
      from === undefined
        ? () => {}
        : this.whenReached(from, () => {
            reached = true;
            machine.engine.stop();
          });
    const why = await this.until(undefined, () => (from === undefined ? opened!() : reached));
    remove();
    if (!(from === undefined ? opened!() : reached))
      throw new UsageError(`${from ?? 'the measured window'} is not reached: ${why}`);
  }

  /** To `end` cycles, or until `enough`; says why it ended. */
  async until(end: number | undefined, enough: () => boolean): Promise<string> {
    const { machine } = this.target;
    const last = Math.min(end ?? Number.POSITIVE_INFINITY, this.traced.last ?? Number.POSITIVE_INFINITY);
    for (;;) {
      if (this.interrupted) return 'interrupted';
      if (enough()) return 'as far as was wanted';
      if (this.traced.closed?.()) return 'the measured window is over';
      if (machine.cycles() >= last) return last === end ? 'as far as was wanted' : 'the trial is over';
      const result = machine.run(Math.min(last, machine.cycles() + SLICE));
      if (result.reason === 'exit') return `the guest exits with code ${result.code}`;
      if (result.reason === 'triple-fault' || machine.cpu.shutdown) return 'triple fault or reset';
      if (result.reason === 'halted') return 'halted with interrupts off';
      await setImmediate();
    }
  }

  /** Calls `hit` before the code that `text` names; modules that are loaded later may have it. */
  private whenReached(text: string, hit: () => void): () => void {
    const { engine } = this.target.machine;
    const { session } = this.target;
    let remove: (() => void) | undefined;
    const look = () => {
      const address = resolve(this.target, text);
      if (address !== undefined) remove ??= engine.addHook(address, hit);
    };
    look();
    if (!remove && !session) throw new UsageError(`no symbol ${text}`);
    const unlook = session ? engine.addHook(session.address('module_event'), look) : () => {};
    return () => {
      unlook();
      remove?.();
    };
  }
}

function resolve(target: Target, text: string): number | undefined {
  try {
    return location(target, text);
  } catch {
    return undefined;
  }
}
