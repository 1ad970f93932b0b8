/**
 * Two machines in step: the interpreter and the compiled engine run the same guest to the same ticks, what the host does
 * to one in between it does to the other, and after every act all of observe.ts must be equal. A difference is told with
 * the last tick at which they agreed, the instructions that follow it, and what differs.
 *
 * A run ends at the first head at or after its tick, so both end at the same instruction. What only one of the two does
 * (single steps, a snapshot and its restoring) must leave no trace.
 */
import { Decoder, DecoderOptions, Formatter, FormatterSyntax } from 'iced-x86';
import type { EngineKind } from '../../../emu/board.ts';
import { busMaster } from '../../../emu/bus-master.ts';
import { TICKS_PER_CYCLE } from '../../../emu/clock.ts';
import type { Machine } from '../../../emu/machine.ts';
import type { Probe } from '../../../emu/probe.ts';
import { type Difference, differences } from './observe.ts';

/** Something that is done to both machines, or to `one` or `two` of them where nothing may come of it. */
export type Act =
  /** Run for so many ticks (at least one) from now. */
  | { act: 'run'; ticks: number }
  /** So many single steps of the host on one side; the other runs as far. */
  | { act: 'step'; side: 'one' | 'two'; steps: number }
  /** A snapshot, restored at once. */
  | { act: 'restore'; side: 'one' | 'two' }
  /** So many ticks on one side from a checkpoint, and back to it. Not while tools are at work. */
  | { act: 'detour'; side: 'one' | 'two'; ticks: number }
  /** The host writes bytes (hex) behind the processor's back. */
  | { act: 'write'; pa: number; bytes: string }
  /** A bus master writes bytes (hex), past the caches. */
  | { act: 'dma'; pa: number; bytes: string }
  | { act: 'nmi' }
  /** A tool watches the stores and loads of some bytes, linear or physical, or does so no more. */
  | { act: 'watch'; address: number; length: number; physical: boolean }
  | { act: 'unwatch' }
  /** A tool is called before each execution of the instruction at a linear address, or no more. */
  | { act: 'hook'; lin: number }
  | { act: 'unhook' }
  /**
   * A tool watches code and what it stores: by two bits of `pages` a linear page modulo 16 (0 not, 1 it does, 2 as whoever
   * called it), and all that runs under one directory; or no more.
   */
  | { act: 'watch code'; pages: number; directory: number }
  | { act: 'unwatch code' }
  /** A tool is told of what happens (emu/probe.ts); with `begins` of each block, with `singly` of each instruction. */
  | { act: 'follow'; begins: boolean; singly: boolean }
  | { act: 'unfollow' }
  /** The debug registers, behind the guest's back: DR0 to DR3 and DR7. */
  | { act: 'debug'; registers: number[] }
  /** EFLAGS bits are set and cleared behind the guest's back. */
  | { act: 'flags'; set: number; clear: number }
  /** The stamps of all TLBs come close to their end, so that they are numbered anew. */
  | { act: 'stamps'; side: 'one' | 'two' };

/** Where two machines parted. */
export interface Parting {
  /** Index of the act after which they differed, and its ticks cut to the fewest that show it. */
  act: number;
  acts: Act[];
  found: Difference[];
  report: string;
}

const LAST_STAMP = 0x7fff_ffff;
/** Instructions that a report lists. */
const LISTED = 48;
/** No block has more instructions. */
const MAX_BLOCK = 64;

type Tool = 'watch' | 'hook' | 'watch code' | 'follow';

class Side {
  readonly machine: Machine;
  /** What ends the tools that are at work. */
  private readonly ends = new Map<Tool, (() => void)[]>();
  /** A hash of all that tools were told, in its order and with the count of instructions. */
  told = 0;

  constructor(machine: Machine) {
    this.machine = machine;
  }

  /** Runs to tick `until`. */
  run(until: number): void {
    this.machine.run(until / TICKS_PER_CYCLE);
  }

  /** Steps, but not beyond tick `until`; then it stands where a run to some tick may stand too. */
  step(steps: number, until: number): void {
    const { machine } = this;
    for (let n = 0; n < steps && machine.clock.now() < until; n++) machine.step(until / TICKS_PER_CYCLE);
    // A run does not end in the middle of a block.
    for (let n = 0; n < MAX_BLOCK && this.inBlock() && machine.clock.now() >= until; n++) machine.step();
  }

  apply(a: Act): void {
    const m = this.machine;
    if (a.act === 'restore') m.restore(m.snapshot());
    else if (a.act === 'detour') this.detour(a.ticks);
    else if (a.act === 'write') m.writePhysical(a.pa, unhex(a.bytes));
    else if (a.act === 'dma') busMaster(m.engine).write(a.pa, unhex(a.bytes));
    else if (a.act === 'nmi') {
      m.engine.nmi = true;
      m.cpu.leave = true;
    } else if (a.act === 'watch') {
      const { address, length, physical } = a;
      const tell = (what: number) => (lin: number) => this.tell(what, lin);
      const watch = { address, length, physical, reading: tell(1), writing: tell(2), written: tell(3) };
      this.begin('watch', m.cpu.mmu.watches.add(watch));
    } else if (a.act === 'hook')
      this.begin(
        'hook',
        m.engine.addHook(a.lin, () => this.tell(4, a.lin)),
      );
    else if (a.act === 'watch code') this.watchCode(a.pages, a.directory);
    else if (a.act === 'follow') this.begin('follow', m.cpu.probes.add(this.probe(a.begins, a.singly)));
    else if (a.act.startsWith('un')) {
      for (const end of this.ends.get(a.act.slice(2) as Tool)?.splice(0) ?? []) end();
    } else if (a.act === 'debug')
      a.registers.forEach((v, n) => {
        m.cpu.setDr(n === 4 ? 7 : n, v);
      });
    else if (a.act === 'flags') m.cpu.eflags = (m.cpu.eflags | a.set) & ~a.clear;
    else if (a.act === 'stamps') {
      // Only forwards: stamps in use stay below.
      for (const { recency } of m.cpu.mmu.tlbs())
        recency.clock[0] = Math.max(recency.clock[0], LAST_STAMP - 20);
    }
  }

  private detour(ticks: number): void {
    const { machine } = this;
    if ([...this.ends.values()].some(ends => ends.length > 0)) return;
    const checkpoint = machine.checkpoint();
    this.run(machine.clock.now() + ticks);
    machine.revert(checkpoint);
  }

  get watchesCode(): boolean {
    return (this.ends.get('watch code')?.length ?? 0) > 0;
  }

  /** A tool is told of each block: a step of the host is one. */
  get followed(): boolean {
    return this.machine.cpu.probes.begins.length > 0;
  }

  private tell(...what: number[]): void {
    const { cpu } = this.machine;
    for (const v of [...what, cpu.instructions + cpu.retiredInBlock()])
      this.told = Math.imul(this.told ^ v, 0x0100_0193) + 1;
  }

  private begin(tool: Tool, end: () => void): void {
    this.ends.set(tool, [...(this.ends.get(tool) ?? []), end]);
  }

  private watchCode(pages: number, directory: number): void {
    const { engine, cpu } = this.machine;
    cpu.mmu.watchStores((lin, pa, size, value) => this.tell(5, lin, pa, size, value));
    engine.watch({
      watches: lin => [false, true, null, false][(pages >>> (2 * ((lin >>> 12) & 15))) & 3],
      directories: new Set([directory]),
      says: String(pages),
      entered: lin => this.tell(6, lin),
    });
    this.begin('watch code', () => {
      engine.watch(null);
      cpu.mmu.watchStores(null);
    });
  }

  private probe(begins: boolean, singly: boolean): Probe {
    const probe: Probe = {
      singly,
      delivered: (vector, error, kind, eip) => this.tell(7, vector, error, kind.length, eip),
      returned: () => this.tell(8),
      directoryLoaded: (from, to) => this.tell(9, from, to),
      tlbMissed: (tlb, lin, write, bySwitch) =>
        this.tell(10, tlb.length, lin, Number(write), Number(bySwitch)),
      tlbFlushed: lin => this.tell(11, lin),
    };
    if (begins) probe.begins = (code, count) => this.tell(12, code.lin, count);
    return probe;
  }

  private inBlock(): boolean {
    return (this.machine.engine.save() as { sinceHead: number }).sinceHead !== 0;
  }
}

/** A machine and the same one compiled, from the same builder. */
export type Builder = (engine: EngineKind) => Machine;

class Pair {
  readonly one: Side;
  readonly two: Side;

  constructor(build: Builder) {
    this.one = new Side(build('interpreter'));
    this.two = new Side(build('compiled'));
  }

  /** Does it, and says what differs then. */
  do(a: Act): Difference[] {
    const { one, two } = this;
    const now = one.machine.clock.now();
    if (a.act === 'run') for (const side of [one, two]) side.run(now + a.ticks);
    else if (a.act === 'step') {
      const [stepped, other] = a.side === 'one' ? [one, two] : [two, one];
      const until = now + 4 * a.steps;
      if (!one.followed) stepped.step(a.steps, until);
      stepped.run(until);
      other.run(until);
    } else if ('side' in a) {
      const both = a.act === 'restore' && one.watchesCode;
      // Whoever watches code hears of it again from where it was restored.
      for (const side of both ? [one, two] : [a.side === 'one' ? one : two]) side.apply(a);
      // Which pages may have been written since then is another matter now.
      if (a.act === 'restore' || a.act === 'detour')
        for (const { machine } of [one, two]) machine.cpu.mmu.markDirty(0, machine.ramSize);
    } else for (const side of [one, two]) side.apply(a);
    const found = differences(one.machine, two.machine);
    if (one.told !== two.told) found.push({ field: 'told', one: `${one.told}`, two: `${two.told}` });
    return found;
  }
}

/** Does `acts` in turn until the machines differ: the index of that act and what differs, or null. */
function first(
  build: Builder,
  acts: readonly Act[],
): { act: number; found: Difference[]; pair: Pair } | null {
  const pair = new Pair(build);
  for (const [act, a] of acts.entries()) {
    const found = pair.do(a);
    if (found.length > 0) return { act, found, pair };
  }
  return null;
}

/** What a run in step came to. */
export interface Outcome {
  parting: Parting | null;
  /** Instructions of the interpreter, and units that the other one compiled. */
  instructions: number;
  units: number;
}

/** Runs both in step through `acts`. A difference is narrowed down to the fewest ticks that show it. */
export function lockstep(build: Builder, acts: readonly Act[]): Outcome {
  const pair = new Pair(build);
  let parting: Parting | null = null;
  for (const [act, a] of acts.entries()) {
    const found = pair.do(a);
    if (found.length === 0) continue;
    parting = narrow(build, acts.slice(0, act + 1), found);
    break;
  }
  const { one, two } = pair;
  return {
    parting,
    instructions: one.machine.cpu.instructions,
    units: two.machine.engine.jit?.units ?? 0,
  };
}

/** Cuts the last act's ticks, if it runs, as long as the machines part. */
function narrow(build: Builder, acts: Act[], found: Difference[]): Parting {
  let last = acts[acts.length - 1];
  const before = acts.slice(0, -1);
  if (last.act === 'step') {
    // Does it take the steps at all?
    const run: Act = { act: 'run', ticks: 4 * last.steps };
    const seen = first(build, [...before, run]);
    if (seen?.act === before.length) [last, found] = [run, seen.found];
  }
  if (last.act === 'run') {
    let [equal, parted] = [0, last.ticks];
    while (parted - equal > 1) {
      const ticks = (equal + parted) >> 1;
      const seen = first(build, [...before, { act: 'run', ticks }]);
      if (seen) {
        parted = ticks;
        found = seen.found;
      } else equal = ticks;
    }
    acts = [...before, { act: 'run', ticks: parted }];
    return { act: acts.length - 1, acts, found, report: report(build, before, equal, acts, found) };
  }
  return { act: acts.length - 1, acts, found, report: report(build, before, 0, acts, found) };
}

/** For a person: what differs, and what the interpreter does from the last moment at which it did not. */
function report(build: Builder, before: Act[], equal: number, acts: Act[], found: Difference[]): string {
  const side = new Pair(build);
  for (const a of equal > 0 ? [...before, { act: 'run', ticks: equal } as const] : before) side.do(a);
  const m = side.one.machine;
  const from = m.clock.now();
  const lines = [
    `the engines part after act ${acts.length - 1}, ${JSON.stringify(acts[acts.length - 1])}`,
    ...found.map(d => `  ${d.field}: interpreter ${d.one}, compiled ${d.two}`),
    `equal at tick ${from}; the interpreter goes on:`,
  ];
  const last = acts[acts.length - 1];
  const until = from + (last.act === 'run' ? last.ticks - equal : 200);
  let known = [...m.cpu.r32.subarray(0, 8)].map(() => Number.NaN);
  for (let n = 0; n < LISTED && m.clock.now() <= until; n++) {
    lines.push(`  ${String(m.clock.now() - from).padStart(5)} ${instruction(m, known)}`);
    known = [...m.cpu.r32.subarray(0, 8)];
    m.step();
  }
  return lines.join('\n');
}

/** The instruction at EIP, and the registers that are not as `known`. */
function instruction(m: Machine, known: readonly number[]): string {
  const { cpu } = m;
  const lin = (cpu.eip + cpu.segmentBase(1)) | 0;
  const bytes = Uint8Array.from({ length: 15 }, (_, n) => m.peek8((lin + n) | 0) & 0xff);
  const decoder = new Decoder(cpu.codeBig ? 32 : 16, bytes, DecoderOptions.NoInvalidCheck);
  decoder.ip = BigInt(cpu.eip >>> 0);
  const formatter = new Formatter(FormatterSyntax.Intel);
  const decoded = decoder.decode();
  const told = formatter.format(decoded);
  const code = [...bytes.subarray(0, decoded.length)].map(b => b.toString(16).padStart(2, '0')).join('');
  for (const o of [decoded, formatter, decoder]) o.free();
  const names = ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi'];
  const registers = names
    .map((name, n) => (cpu.r32[n] === known[n] ? '' : ` ${name}=${(cpu.r32[n] >>> 0).toString(16)}`))
    .join('');
  return `${(cpu.eip >>> 0).toString(16)}: ${code.padEnd(16)} ${told.padEnd(32)}${registers} fl=${cpu.eflags.toString(16)}`;
}

function unhex(bytes: string): Uint8Array {
  return Uint8Array.from(bytes.match(/../g) ?? [], b => Number.parseInt(b, 16));
}
