/**
 * `nooks86 run`: boots a Multiboot 1 image, a Linux kernel, a disk or a BIOS (cli/boot.ts), with the guest's serial
 * port on stdout. The exit code is what the guest writes to port 0xF4 (0 to 99), or says how the run ended otherwise;
 * stderr says where.
 */
import { setImmediate } from 'node:timers/promises';
import type { Command } from 'commander';
import type { EngineKind } from '../../emu/board.ts';
import { type ElfFile, isElf, readElf } from '../../guest/elf.ts';
import { GuestError } from '../../guest/error.ts';
import { readLines } from '../../guest/lines.ts';
import { SymbolTable } from '../../guest/symbols.ts';
import { engineOption, portNumber, wholeNumber } from '../arguments.ts';
import { type BootOptions, openDisks, planBoot } from '../boot.ts';
import type { CommandContext } from '../context.ts';
import { parseKeys } from '../keys.ts';
import type { MachineFactory, MachineOptions, RunEnd, RunMachine } from '../machine.ts';

/** Exit codes above the guest's own. */
const TRIPLE_FAULT = 101;
const HALTED = 102;
const CYCLE_LIMIT = 103;
const HIGHEST_GUEST_CODE = 99;

/** The run pauses this often (in cycles) to let output out; it does not change what the guest does. */
const SLICE = 20_000_000;
const SERIAL_BUFFER = 4096;
/** The last POST codes are kept. */
const POST_CODES = 1024;
const MAX_MEMORY_MB = 2048;
/** Milliseconds after which `--keys` types: a keyboard's self-test takes 300, and firmware repeats it. */
const KEYS_AFTER = 1000;

interface RunOptions extends BootOptions {
  profile: string;
  memory: number;
  engine: EngineKind;
  maxCycles?: number;
  pcap?: string;
  farEnd?: boolean;
  screen?: boolean;
  e9?: boolean;
  postPort?: number;
  keys?: string;
  keysAfter: number;
}

export function registerRun(program: Command, context: CommandContext, createMachine: MachineFactory): void {
  program
    .command('run')
    .description(
      'boot a Multiboot 1 image, a Linux kernel or a disk; the serial port is stdout, the exit code what is written to port 0xF4',
    )
    .argument('[image]', 'Multiboot 1: ELF file, or any file whose Multiboot header has addresses')
    .option('--linux <file>', 'boot a Linux kernel: bzImage or vmlinux, by the 32-bit boot protocol')
    .option('--initrd <file>', 'initial RAM disk for --linux')
    .option('--disk <file>', 'ATA disk; may be given up to four times; boots from the first', collect, [])
    .option('--bios <file>', 'start at the reset vector of this ROM instead of our own BIOS')
    .option('--write', "write what the guest writes to the disks' files; else it is forgotten")
    .option('--profile <name>', 'machine profile', 'p4-1700')
    .option('--memory <MB>', 'RAM in MiB', wholeNumber('--memory', 1, MAX_MEMORY_MB), 64)
    .addOption(engineOption())
    .option('--max-cycles <n>', 'stop there (exit code 103)', wholeNumber('--max-cycles', 1, 2 ** 50))
    .option('--pcap <file>', 'write the frames on the wire to a capture file')
    .option('--far-end', 'a host at the other end of the wire: 10.0.0.2, answers ARP, pings and UDP echo')
    .option('--e9', 'bytes written to port 0xE9 go to stdout too (with a BIOS they always do)')
    .option('--screen', 'print the VGA text screen when the run ends')
    .option(
      '--post-port <n>',
      'print the bytes written to this port when the run ends',
      portNumber('--post-port'),
    )
    .option('--keys <text>', 'type on the keyboard: text, and keys as <enter>, <f1>, <ctrl+alt+delete>')
    .option(
      '--keys-after <n>',
      'when: so many milliseconds of guest time after the start',
      wholeNumber('--keys-after', 0, 2 ** 50),
      KEYS_AFTER,
    )
    .option('--append <words>', 'kernel command line, with an image or --linux')
    .option('--module <"file args">', 'Multiboot module; may be given many times', collect, [])
    .action((image: string | undefined, options: RunOptions) =>
      runGuest(image, options, context, createMachine),
    );
}

async function runGuest(
  image: string | undefined,
  options: RunOptions,
  context: CommandContext,
  createMachine: MachineFactory,
): Promise<void> {
  const plan = await planBoot(image, options);
  const keys = options.keys === undefined ? [] : parseKeys(options.keys);
  const serial = new SerialOutput(context);
  const post = new PostLog(options.postPort);
  const disks = openDisks(options);
  let machine: RunMachine | undefined;
  try {
    machine = await createMachine({
      profile: options.profile,
      memoryBytes: options.memory * 1024 * 1024,
      engine: options.engine,
      onSerial: byte => serial.put(byte),
      onE9: options.e9 || plan.bios ? byte => serial.put(byte) : undefined,
      onNotice: text => context.err(`nooks86: ${text}\n`),
      pcap: options.pcap,
      farEnd: options.farEnd,
      bios: plan.bios,
      disks,
      ...post.options(),
    });
    plan.load(machine);
    machine.pressKeys(keys, options.keysAfter);
    const end = await runInSlices(machine, options.maxCycles ?? Number.MAX_SAFE_INTEGER, serial);
    if (options.screen) showScreen(machine, context);
    context.err(post.text());
    context.exitCode = report(end, machine, plan.bytes, plan.name, context);
  } finally {
    serial.flush();
    machine?.close();
    for (const disk of disks) disk.close();
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

function showScreen(machine: RunMachine, context: CommandContext): void {
  const rows = machine.screen();
  if (rows) context.out(`${rows.join('\n').replace(/ +$/gm, '').trimEnd()}\n`);
  else context.err('nooks86: the screen is in a graphics mode\n');
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

/** The bytes written to a port, the same byte in a row once. */
class PostLog {
  private readonly port: number | undefined;
  private readonly codes: number[] = [];
  private last = -1;

  constructor(port: number | undefined) {
    this.port = port;
  }

  options(): Partial<MachineOptions> {
    if (this.port === undefined) return {};
    return { postPort: this.port, onPost: byte => this.put(byte) };
  }

  /** One line, or nothing when no port is watched. */
  text(): string {
    if (this.port === undefined) return '';
    const codes = this.codes.map(code => code.toString(16).padStart(2, '0')).join(' ');
    return `nooks86: port 0x${this.port.toString(16)}: ${codes || 'nothing written'}\n`;
  }

  private put(byte: number): void {
    if (byte === this.last) return;
    this.last = byte;
    this.codes.push(byte);
    if (this.codes.length > POST_CODES) this.codes.shift();
  }
}
