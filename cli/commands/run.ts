/**
 * `nooks86 run`: boots any Multiboot 1 image, with the guest's serial port on stdout. The exit code is what the
 * guest writes to port 0xF4 (0 to 99), or says how the run ended otherwise; stderr says where.
 */
import { basename } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Command } from 'commander';
import { type ElfFile, isElf, readElf } from '../../guest/elf.ts';
import { GuestError } from '../../guest/error.ts';
import { readLines } from '../../guest/lines.ts';
import { type BootModule, loadMultiboot } from '../../guest/multiboot.ts';
import { SymbolTable } from '../../guest/symbols.ts';
import { readInput, wholeNumber } from '../arguments.ts';
import type { CommandContext } from '../context.ts';
import type { MachineFactory, RunEnd, RunMachine } from '../machine.ts';

/** Exit codes above the guest's own. */
const TRIPLE_FAULT = 101;
const HALTED = 102;
const CYCLE_LIMIT = 103;
const HIGHEST_GUEST_CODE = 99;

/** The run pauses this often (in cycles) to let output out; it does not change what the guest does. */
const SLICE = 20_000_000;
const SERIAL_BUFFER = 4096;
const MAX_MEMORY_MB = 2048;

interface RunOptions {
  profile: string;
  memory: number;
  maxCycles?: number;
  pcap?: string;
  append?: string;
  module: string[];
}

export function registerRun(program: Command, context: CommandContext, createMachine: MachineFactory): void {
  program
    .command('run')
    .description(
      'boot a Multiboot 1 image; its serial port is stdout, its exit code the value written to port 0xF4',
    )
    .argument('<image>', 'ELF file, or any file whose Multiboot header has addresses')
    .option('--profile <name>', 'machine profile', 'p4-1700')
    .option('--memory <MB>', 'RAM in MiB', wholeNumber('--memory', 1, MAX_MEMORY_MB), 64)
    .option('--max-cycles <n>', 'stop there (exit code 103)', wholeNumber('--max-cycles', 1, 2 ** 50))
    .option('--pcap <file>', 'write the frames on the wire to a capture file')
    .option('--append <words>', 'kernel command line')
    .option('--module <"file args">', 'Multiboot module; may be given many times', collect, [])
    .action((image: string, options: RunOptions) => runImage(image, options, context, createMachine));
}

async function runImage(
  path: string,
  options: RunOptions,
  context: CommandContext,
  createMachine: MachineFactory,
): Promise<void> {
  const bytes = readInput(path);
  const modules = options.module.map(readModule);
  const serial = new SerialOutput(context);
  const machine = await createMachine({
    profile: options.profile,
    memoryBytes: options.memory * 1024 * 1024,
    onSerial: byte => serial.put(byte),
    onNotice: text => context.err(`nooks86: ${text}\n`),
    pcap: options.pcap,
  });
  try {
    const name = basename(path);
    const commandLine = options.append ? `${name} ${options.append}` : name;
    machine.setEntry(loadMultiboot(machine, { name, bytes, commandLine, modules, board: machine.board }));
    const end = await runInSlices(machine, options.maxCycles ?? Number.MAX_SAFE_INTEGER, serial);
    context.exitCode = report(end, machine, bytes, name, context);
  } finally {
    serial.flush();
    machine.close();
  }
}

async function runInSlices(machine: RunMachine, limit: number, serial: SerialOutput): Promise<RunEnd> {
  for (;;) {
    const until = Math.min(limit, machine.cycles() + SLICE);
    const end = machine.run(until);
    serial.flush();
    if (end.reason !== 'limit' || until === limit) return end;
    await setImmediate();
  }
}

/** Says on stderr how the run ended, unless the guest ended it; gives the exit code. */
function report(
  end: RunEnd,
  machine: RunMachine,
  bytes: Uint8Array,
  name: string,
  context: CommandContext,
): number {
  if (end.reason === 'exit') {
    if (end.code <= HIGHEST_GUEST_CODE) return end.code;
    context.err(`nooks86: the guest exits with ${end.code}, which is reported as ${HIGHEST_GUEST_CODE}\n`);
    return HIGHEST_GUEST_CODE;
  }
  const [what, code] = {
    'triple-fault': ['triple fault', TRIPLE_FAULT] as const,
    halted: ['halted with interrupts off', HALTED] as const,
    limit: ['cycle limit reached', CYCLE_LIMIT] as const,
  }[end.reason];
  const where = describe(machine.instructionPointer(), bytes, name);
  context.err(`nooks86: ${what} at ${where} after ${machine.cycles()} cycles\n${registerLines(machine)}`);
  return code;
}

/** Symbol and source line at an instruction pointer, a physical address as long as the kernel has no paging. */
function describe(eip: number, bytes: Uint8Array, name: string): string {
  const symbols = new SymbolTable();
  if (!isElf(bytes)) return symbols.describe(eip);
  const elf = readElf(bytes, name);
  symbols.add(name, elf);
  const home = elf.segments.find(s => eip >= s.physicalAddress && eip < s.physicalAddress + s.memorySize);
  const address = home && !symbols.lookup(eip) ? eip - home.physicalAddress + home.virtualAddress : eip;
  const source = sourceLine(elf, name, address);
  return source ? `${symbols.describe(address)} (${source})` : symbols.describe(address);
}

/** `file:line`, or nothing: debug information that cannot be read is no reason not to say the rest. */
function sourceLine(elf: ElfFile, name: string, address: number): string | undefined {
  try {
    const source = readLines(elf, name).lookup(address);
    return source && `${source.file}:${source.line}`;
  } catch (error) {
    if (error instanceof GuestError) return undefined;
    throw error;
  }
}

function registerLines(machine: RunMachine): string {
  const cells = machine
    .registers()
    .map(([name, value]) => `${name}=${(value >>> 0).toString(16).padStart(8, '0')}`);
  let lines = '';
  for (let i = 0; i < cells.length; i += 6) lines += `  ${cells.slice(i, i + 6).join(' ')}\n`;
  return lines;
}

function readModule(text: string): BootModule {
  const [file] = text.split(' ', 1);
  return { commandLine: basename(file) + text.slice(file.length), bytes: readInput(file) };
}

function collect(value: string, previous: string[]): string[] {
  return [...previous, value];
}

/** Collects the guest's bytes and passes them on by line or buffer. */
class SerialOutput {
  private readonly context: CommandContext;
  private buffer = new Uint8Array(SERIAL_BUFFER);
  private length = 0;

  constructor(context: CommandContext) {
    this.context = context;
  }

  put(byte: number): void {
    this.buffer[this.length++] = byte;
    if (byte === 0x0a || this.length === SERIAL_BUFFER) this.flush();
  }

  flush(): void {
    if (this.length === 0) return;
    this.context.out(this.buffer.subarray(0, this.length));
    // What was passed on may still be waiting to be written.
    this.buffer = new Uint8Array(SERIAL_BUFFER);
    this.length = 0;
  }
}
