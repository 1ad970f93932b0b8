/**
 * Running under control: breakpoints, watchpoints, stepping. A breakpoint is a hook before an instruction, a
 * watchpoint a mark on a page; both are the host's, so the guest runs as it would without them, to the tick.
 */

import type { RunResult } from '../emu/machine.ts';
import { PAGE_WATCHED } from '../emu/mmu/control.ts';
import { caller } from './backtrace.ts';
import { disassemble } from './disassembly.ts';
import { CommandError } from './error.ts';
import type { Target } from './target.ts';
import { hex8 } from './text.ts';

export interface Breakpoint {
  id: number;
  /** Linear, unsigned. */
  address: number;
  /** As the user wrote it. */
  text: string;
  hits: number;
}

export interface Watchpoint {
  id: number;
  address: number;
  length: number;
  /** Watches a physical address, whoever writes it and by whatever linear one; else a linear one in any directory. */
  physical: boolean;
  text: string;
  hits: number;
  /** The bytes when last seen. */
  bytes: Uint8Array;
}

/** Why the guest stands. */
export type Stop =
  | { kind: 'breakpoint'; points: Breakpoint[] }
  | { kind: 'watch'; hits: WatchHit[] }
  /** The wanted place or number of steps was reached. */
  | { kind: 'done' }
  | { kind: 'interrupted' }
  | { kind: 'limit' }
  | { kind: 'end'; text: string };

export interface WatchHit {
  point: Watchpoint;
  /** Who wrote: an address of code, or undefined for a device or the page walker. */
  by: number | undefined;
  before: Uint8Array;
}

/** Called between slices of a run; true to stop. */
export type Pause = () => Promise<boolean>;

/** Cycles between two looks at whether the user wants to stop. */
const SLICE = 2_000_000;
const STEPS_PER_LOOK = 4096;
/** A call comes back with ESP where it was, or above by the arguments it took off. */
const MAX_POPPED = 4096;
const MAX_WATCHED = 65536;

type Removable<T> = T & { remove: () => void };

export class Control {
  private readonly target: Target;
  private readonly pause: Pause;
  private readonly breakpoints = new Map<number, Removable<Breakpoint>>();
  private readonly watchpoints = new Map<number, Watchpoint>();
  private nextId = 1;
  /** Hooks do nothing: the guest is stepped off the place where it stands. */
  private quiet = false;
  private reached: Breakpoint[] = [];
  private written: WatchHit[] = [];
  private wanted = false;

  constructor(target: Target, pause: Pause) {
    this.target = target;
    this.pause = pause;
    target.machine.cpu.mmu.onWatchedWrite = (pa, length, lin) => this.onWrite(pa, length, lin);
  }

  // ---- breakpoints and watchpoints ------------------------------------------------------------------------------------

  addBreakpoint(address: number, text: string): Breakpoint {
    const point: Breakpoint = { id: this.nextId++, address: address >>> 0, text, hits: 0 };
    const remove = this.target.machine.engine.addHook(address, () => {
      if (this.quiet) return;
      this.reached.push(point);
      this.target.machine.engine.stop();
    });
    this.breakpoints.set(point.id, Object.assign(point, { remove }));
    return point;
  }

  /** Watches `length` bytes for writes. Throws a CommandError. */
  addWatchpoint(address: number, length: number, physical: boolean, text: string): Watchpoint {
    if (!(length >= 1 && length <= MAX_WATCHED))
      throw new CommandError(`length ${length}: 1 to ${MAX_WATCHED}`);
    if (physical && address + length > this.target.machine.ramSize)
      throw new CommandError(`physical 0x${hex8(address)} is not RAM`);
    const bytes = this.target.bytes(address, length, physical);
    const point: Watchpoint = { id: this.nextId++, address, length, physical, text, hits: 0, bytes };
    this.watchpoints.set(point.id, point);
    this.markPages();
    return point;
  }

  /** Removes one by its number; false if there is none. */
  remove(id: number): boolean {
    const point = this.breakpoints.get(id);
    point?.remove();
    const watch = this.watchpoints.get(id);
    if (watch?.physical)
      for (const page of pagesOf(watch)) this.target.machine.cpu.mmu.unmark(page << 12, PAGE_WATCHED);
    const found = this.breakpoints.delete(id) || this.watchpoints.delete(id);
    if (watch) this.markPages();
    return found;
  }

  removeAll(): void {
    for (const { id } of this.points()) this.remove(id);
  }

  /** All, by number. */
  points(): (Breakpoint | Watchpoint)[] {
    return [...this.breakpoints.values(), ...this.watchpoints.values()].sort((a, b) => a.id - b.id);
  }

  private markPages(): void {
    const { mmu } = this.target.machine.cpu;
    const linear = new Set<number>();
    for (const point of this.watchpoints.values())
      for (const page of pagesOf(point))
        if (point.physical) mmu.mark(page << 12, PAGE_WATCHED);
        else linear.add(page);
    mmu.watchLinear(linear.size ? linear : null);
  }

  private onWrite(pa: number, length: number, lin: number): void {
    for (const point of this.watchpoints.values()) {
      const at = point.physical ? pa >>> 0 : Number.isNaN(lin) ? Number.NaN : lin >>> 0;
      if (!(at < point.address + point.length && at + length > point.address)) continue;
      // A store that crosses pages comes in pieces.
      if (this.written.some(hit => hit.point === point)) continue;
      const { engine } = this.target.machine;
      const by = Number.isNaN(lin) ? undefined : engine.currentLin() >>> 0;
      this.written.push({ point, by, before: point.bytes });
      engine.stopAfter();
    }
  }

  // ---- running --------------------------------------------------------------------------------------------------------

  /** Runs until something stops the guest, for at most `cycles`. */
  continue(cycles?: number): Promise<Stop> {
    return this.run(cycles);
  }

  private async run(cycles = Number.POSITIVE_INFINITY, goal?: number): Promise<Stop> {
    const { machine } = this.target;
    const until = machine.cycles() + cycles;
    const pc = this.target.pc();
    // Leaves a place that stops: it was told of, or the user put a breakpoint where the guest stands.
    if (pc === goal || [...this.breakpoints.values()].some(b => b.address === pc)) {
      const stop = await this.stepOnce(until);
      if (stop) return stop;
    }
    for (;;) {
      const stop = this.stopOf(machine.run(Math.min(until, machine.cycles() + SLICE)));
      if (stop) return stop;
      if (machine.cycles() >= until) return { kind: 'limit' };
      if (await this.pause()) return { kind: 'interrupted' };
    }
  }

  /** The same, but stops at `address` too, if `when` holds there. */
  async runTo(address: number, cycles?: number, when: () => boolean = () => true): Promise<Stop> {
    const { engine } = this.target.machine;
    const remove = engine.addHook(address, () => {
      if (this.quiet || !when()) return;
      this.wanted = true;
      engine.stop();
    });
    try {
      return await this.run(cycles, address);
    } finally {
      remove();
    }
  }

  /** Steps `count` instructions (or deliveries of interrupts), for at most `cycles`. */
  async step(count: number, cycles = Number.POSITIVE_INFINITY): Promise<Stop> {
    const until = this.target.machine.cycles() + cycles;
    for (let n = 0; n < count; n++) {
      const stop = await this.stepOnce(until);
      if (stop) return stop;
      if (n % STEPS_PER_LOOK === STEPS_PER_LOOK - 1 && (await this.pause())) return { kind: 'interrupted' };
    }
    return { kind: 'done' };
  }

  /** One instruction, and over what it calls or repeats. */
  async next(cycles?: number): Promise<Stop> {
    const line = disassemble(this.target, this.target.pc());
    if (!line?.returns) return this.step(1, cycles);
    const esp = this.target.esp();
    return this.runTo(
      line.address + line.length,
      cycles,
      () => this.target.esp() - esp >= 0 && this.target.esp() - esp < MAX_POPPED,
    );
  }

  /** Until the function that runs now has returned. Throws a CommandError when its caller is unknown. */
  async finish(cycles?: number): Promise<Stop> {
    const back = caller(this.target);
    if (!back) throw new CommandError('no caller: the frame pointer leads nowhere');
    return this.runTo(
      back.pc,
      cycles,
      () => this.target.esp() - back.esp >= 0 && this.target.esp() - back.esp < MAX_POPPED,
    );
  }

  /** Undefined when an instruction ran and nothing else is to be said. */
  private async stepOnce(until: number): Promise<Stop | undefined> {
    const { machine } = this.target;
    for (;;) {
      this.quiet = true;
      let result: RunResult;
      try {
        result = machine.step(Math.min(until, machine.cycles() + SLICE));
      } finally {
        this.quiet = false;
      }
      if (result.reason !== 'limit') return this.stopOf(result) ?? this.arrival();
      if (machine.cycles() >= until) return { kind: 'limit' };
      if (await this.pause()) return { kind: 'interrupted' };
    }
  }

  /** A step that ends at a breakpoint has reached it. */
  private arrival(): Stop | undefined {
    const pc = this.target.pc();
    const points = [...this.breakpoints.values()].filter(b => b.address === pc);
    if (points.length === 0) return undefined;
    for (const point of points) point.hits++;
    return { kind: 'breakpoint', points };
  }

  /** What a run's end means; undefined when it only came to its limit or did a step. */
  private stopOf(result: RunResult): Stop | undefined {
    const [points, hits, wanted] = [this.reached, this.written, this.wanted];
    [this.reached, this.written, this.wanted] = [[], [], false];
    for (const point of points) point.hits++;
    for (const { point } of hits) {
      point.hits++;
      point.bytes = this.target.bytes(point.address, point.length, point.physical);
    }
    if (result.reason === 'exit') return { kind: 'end', text: `the guest exits with code ${result.code}` };
    if (result.reason === 'triple-fault' || this.target.machine.cpu.shutdown)
      return { kind: 'end', text: 'triple fault (or reset): the machine is at its end' };
    if (result.reason === 'halted')
      return { kind: 'end', text: 'halted with interrupts off: nothing can wake it' };
    if (hits.length) return { kind: 'watch', hits };
    if (points.length) return { kind: 'breakpoint', points };
    return wanted ? { kind: 'done' } : undefined;
  }
}

function* pagesOf({ address, length }: Watchpoint): Generator<number> {
  for (let page = address >>> 12; page <= (address + length - 1) >>> 12; page++) yield page;
}
