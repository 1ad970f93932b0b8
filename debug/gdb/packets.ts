/**
 * gdb's requests (Debugging with GDB, appendix E.2 to E.4). A packet is a row: how it begins, and what is answered; an
 * empty answer says that we do not know it. A CommandError becomes an error answer.
 *
 * Left out: starting and attaching (extended mode, for there is one guest, and it is there), non-stop mode, signals,
 * tracepoints, agent expressions, files (vFile), and everything that the manual calls obsolete.
 */
import { CommandError } from '../error.ts';
import type { Stop } from '../model.ts';
import { backwards } from './backwards.ts';
import { bytesOf, hexOf, PACKET_SIZE } from './framing.ts';
import { readMemory, writeMemory } from './memory.ts';
import { insert, remove } from './points.ts';
import { REGISTERS, readRegister, savedRegister, writeRegister } from './registers.ts';
import { stopReply, tell } from './replies.ts';
import { type Action, forwards } from './run.ts';
import type { Feature, PointType, Stub } from './stub.ts';
import { threads } from './threads.ts';
import { OBJECTS, transfer } from './transfers.ts';

interface PacketRow {
  /** What the packet begins with; the longest that fits is meant. */
  name: string;
  run(stub: Stub, args: string): string | undefined | Promise<string>;
}

/** Bytes of memory in one answer. */
const MOST_MEMORY = PACKET_SIZE / 2 - 1;
/** Threads in one answer, eight digits and a comma each. */
const THREADS_A_PACKET = 1000;
const FEATURES: readonly Feature[] = ['swbreak', 'hwbreak'];

const ROWS: readonly PacketRow[] = [
  // ---- the connection
  { name: 'qSupported', run: supported },
  {
    name: 'QStartNoAckMode',
    run(stub) {
      stub.acknowledges = false;
      return 'OK';
    },
  },
  { name: 'vMustReplyEmpty', run: () => '' },
  { name: 'qXfer:', run: transfer },
  { name: 'qAttached', run: () => '1' },
  { name: 'qSymbol', run: () => 'OK' },
  { name: 'qOffsets', run: stub => (stub.served.file ? 'Text=0;Data=0;Bss=0' : '') },
  { name: 'D', run: stub => end(stub, 'detached') },
  { name: 'vKill', run: stub => end(stub, 'killed') },
  {
    name: 'k',
    run(stub) {
      end(stub, 'killed');
      return undefined;
    },
  },
  // ---- threads
  { name: 'qC', run: stub => `QC${stub.running().toString(16)}` },
  {
    name: 'qfThreadInfo',
    run(stub) {
      stub.untold = threads(stub.target).map(t => t.id);
      return someThreads(stub);
    },
  },
  { name: 'qsThreadInfo', run: someThreads },
  {
    name: 'qThreadExtraInfo,',
    run(stub, args) {
      const { name, text } = stub.existing(threadId(args));
      return hexOf(`${name}: ${text}`);
    },
  },
  { name: 'T', run: (stub, args) => (stub.existing(threadId(args)) ? 'OK' : '') },
  {
    name: 'H',
    run(stub, args) {
      if (args.startsWith('g')) stub.select(threadId(args.slice(1)));
      return 'OK';
    },
  },
  // ---- registers and memory
  { name: 'g', run: stub => REGISTERS.map((_, n) => register(stub, n)).join('') },
  { name: 'G', run: writeAll },
  { name: 'p', run: (stub, args) => register(stub, registerNumber(args)) },
  { name: 'P', run: writeOne },
  { name: 'm', run: memory },
  { name: 'M', run: (stub, args) => store(stub, args, bytesOf) },
  { name: 'X', run: (stub, args) => store(stub, args, text => Uint8Array.from(text, c => c.charCodeAt(0))) },
  // ---- what stops, and running
  { name: 'Z', run: (stub, args) => point(stub, args, insert) },
  { name: 'z', run: (stub, args) => point(stub, args, remove) },
  { name: '?', run: stub => stopReply(stub, stub.last) },
  { name: 'vCont?', run: () => 'vCont;c;C;s;S;t;r' },
  { name: 'vCont', run: (stub, args) => run(stub, () => forwards(stub, actions(args))) },
  { name: 'c', run: (stub, args) => old(stub, args, 'continue') },
  { name: 's', run: (stub, args) => old(stub, args, 'step') },
  { name: 'C', run: (stub, args) => old(stub, args.replace(/^[0-9a-f]{2};?/i, ''), 'continue') },
  { name: 'S', run: (stub, args) => old(stub, args.replace(/^[0-9a-f]{2};?/i, ''), 'step') },
  { name: 'bc', run: stub => run(stub, () => backwards(stub, 'continue')) },
  { name: 'bs', run: stub => run(stub, () => backwards(stub, 'step')) },
  // ---- our own language
  { name: 'qRcmd,', run: monitor },
];
const PACKETS = [...ROWS].sort((a, b) => b.name.length - a.name.length);

/** The answer to a packet; undefined: there is none. Throws a CommandError. */
export async function answer(stub: Stub, packet: string): Promise<string | undefined> {
  const row = PACKETS.find(({ name }) => packet.startsWith(name));
  return row ? row.run(stub, packet.slice(row.name.length)) : '';
}

// ---- the connection -------------------------------------------------------------------------------------------------

function supported(stub: Stub, args: string): string {
  const asked = args.split(/[:;]/);
  for (const feature of FEATURES) if (asked.includes(`${feature}+`)) stub.features.add(feature);
  return [
    `PacketSize=${PACKET_SIZE.toString(16)}`,
    'QStartNoAckMode+',
    'vContSupported+',
    ...FEATURES.map(feature => `${feature}+`),
    ...OBJECTS.map(({ name }) => `qXfer:${name}:read+`),
    'ReverseStep+',
    'ReverseContinue+',
  ].join(';');
}

function end(stub: Stub, how: 'detached' | 'killed'): string {
  stub.ending = how;
  return 'OK';
}

// ---- threads --------------------------------------------------------------------------------------------------------

/** -1: all. Throws a CommandError. */
function threadId(text: string): number {
  if (text === '-1') return -1;
  return hexNumber(text);
}

function someThreads(stub: Stub): string {
  const ids = stub.untold.splice(0, THREADS_A_PACKET);
  return ids.length ? `m${ids.map(id => id.toString(16)).join(',')}` : 'l';
}

// ---- registers and memory -------------------------------------------------------------------------------------------

function registerNumber(text: string): number {
  const n = hexNumber(text);
  if (n >= REGISTERS.length) throw new CommandError(`no register ${n}`);
  return n;
}

function register(stub: Stub, n: number): string {
  const { saved, directory } = stub.thread();
  return saved ? savedRegister(n, { ...saved, cr3: directory }) : readRegister(stub.target.machine.cpu, n);
}

function writeOne(stub: Stub, args: string): string {
  const [number, value] = args.split('=');
  ofRunning(stub);
  const n = registerNumber(number);
  if (readRegister(stub.target.machine.cpu, n) !== value?.toLowerCase())
    writeRegister(stub.target, n, value ?? '');
  return 'OK';
}

/** Registers that keep their value are left alone: some cannot be written. */
function writeAll(stub: Stub, args: string): string {
  ofRunning(stub);
  let at = 0;
  REGISTERS.forEach(({ bits }, n) => {
    const value = args.slice(at, at + bits / 4).toLowerCase();
    at += bits / 4;
    if (value.length < bits / 4 || value.includes('x')) return;
    if (value !== readRegister(stub.target.machine.cpu, n)) writeRegister(stub.target, n, value);
  });
  return 'OK';
}

function ofRunning(stub: Stub): void {
  if (stub.thread().saved) throw new CommandError('only the running thread has registers to write to');
}

function memory(stub: Stub, args: string): string {
  const [address, length] = range(args);
  const { directory } = stub.thread();
  const bytes = readMemory(stub.target, directory, address, Math.min(length, MOST_MEMORY));
  if (bytes.length === 0 && length > 0) throw new CommandError('nothing to read there');
  return hexOf(bytes);
}

function store(stub: Stub, args: string, decode: (text: string) => Uint8Array | undefined): string {
  const colon = args.indexOf(':');
  const [address, length] = range(args.slice(0, Math.max(0, colon)));
  const bytes = decode(args.slice(colon + 1));
  if (bytes?.length !== length) throw new CommandError('not as many bytes as it says');
  writeMemory(stub.target, stub.thread().directory, address, bytes);
  return 'OK';
}

/** `ADDRESS,LENGTH`, hexadecimal. Throws a CommandError. */
function range(text: string): [address: number, length: number] {
  const [address, length, more] = text.split(',');
  if (more !== undefined) throw new CommandError('not an address and a length');
  return [hexNumber(address), hexNumber(length ?? '')];
}

/** Up to 32 bits. Throws a CommandError. */
function hexNumber(text: string): number {
  if (!/^[0-9a-f]{1,16}$/i.test(text)) throw new CommandError('not a hexadecimal number');
  const value = Number.parseInt(text, 16);
  if (value > 0xffff_ffff) throw new CommandError('more than 32 bits');
  return value;
}

// ---- what stops, and running ----------------------------------------------------------------------------------------

function point(
  stub: Stub,
  args: string,
  change: (stub: Stub, type: PointType, address: number, length: number) => void,
): string {
  const [, type, address, length] = /^([0-4]),([0-9a-f]{1,8}),([0-9a-f]{1,8})(?:;|$)/i.exec(args) ?? [];
  if (type === undefined) return '';
  change(stub, Number(type) as PointType, hexNumber(address), hexNumber(length));
  return 'OK';
}

async function run(stub: Stub, how: () => Promise<Stop>): Promise<string> {
  try {
    stub.last = await how();
  } finally {
    stub.served.interrupt.wanted = false;
    stub.hasRun();
  }
  tell(stub, stub.last);
  return stopReply(stub, stub.last);
}

/** The part of vCont behind its name: `;s:1;c`, `;rFROM,TO:1`. Throws a CommandError. */
export function actions(args: string): Action[] {
  return args
    .split(';')
    .slice(1)
    .map(text => {
      const [, what, id] = /^([^:]*)(?::(.+))?$/.exec(text) ?? [];
      const thread = id === undefined || id === '0' || id === '-1' ? undefined : threadId(id);
      if (/^(c|C[0-9a-f]{2})$/.test(what)) return { thread, kind: 'continue' };
      if (/^(s|S[0-9a-f]{2})$/.test(what)) return { thread, kind: 'step' };
      if (what === 't') return { thread, kind: 'stop' };
      const [, from, to] = /^r([0-9a-f]{1,8}),([0-9a-f]{1,8})$/i.exec(what) ?? [];
      if (from === undefined) throw new CommandError('no such action');
      return { thread, kind: 'step', range: { from: hexNumber(from), to: hexNumber(to) } };
    });
}

/** c, s, C and S of clients without vCont; going on elsewhere than at EIP is not offered. */
function old(stub: Stub, address: string, kind: 'continue' | 'step'): string | Promise<string> {
  if (address !== '') throw new CommandError('set eip first');
  return run(stub, () => forwards(stub, [{ kind }]));
}

async function monitor(stub: Stub, args: string): Promise<string> {
  const line = bytesOf(args);
  if (!line) throw new CommandError('no hexadecimal digits');
  const { served, target } = stub;
  const { machine } = target;
  const before = machine.cycles();
  try {
    await served.execute(new TextDecoder().decode(line) || 'help', text => stub.console(text));
  } finally {
    served.interrupt.wanted = false;
  }
  if (machine.cycles() !== before) {
    stub.hasRun();
    stub.console('The guest has moved; `maintenance flush register-cache` lets gdb know.\n');
  }
  if (served.done()) stub.ending = 'killed';
  return 'OK';
}
