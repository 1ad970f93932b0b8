/**
 * The run so far, any moment of which can be gone back to: snapshots now and then (emu/increments.ts), and the same run
 * again from the nearest one before. The run is determined by the first snapshot and by what the debugger wrote into
 * the guest, which is kept with its place and done again there.
 *
 * Snapshots take at most the budget, but for the first and the latest, which are always kept. When it is used up, the
 * one goes that is missed least: where snapshots are densest, measured by the distance from where the guest stands. So
 * near moments are reached fast, and far ones at a cost that grows with the distance.
 */
import { type Increment, Increments, ownBytes } from '../emu/increments.ts';
import type { RunResult } from '../emu/machine.ts';
import type { Position } from './model.ts';
import type { HostWrite, Target } from './target.ts';

export interface HistoryOptions {
  /** Bytes that snapshots may take. Default 512 MiB. */
  budget?: number;
  /** Cycles between two snapshots, at least. Default 5 million. */
  interval?: number;
}

export const DEFAULT_BUDGET = 512 << 20;
const DEFAULT_INTERVAL = 5_000_000;
/**
 * A run can be ended at a cycle, but only between two blocks; so it is ended that much earlier, and stepped from there.
 * A longer one is tried if it went too far: a block that waits for devices takes its time.
 */
const MARGINS = [30_000, 1_000_000, 30_000_000, Number.POSITIVE_INFINITY];

/** A snapshot with its place. */
interface Moment {
  at: Position;
  increment: Increment;
  host: unknown[];
  /** How many of the debugger's writes were done. */
  written: number;
  /** Of the session's modules. */
  modules: string;
}

interface Written {
  at: Position;
  /** Of the instruction that came next. */
  pc: number;
  write: HostWrite;
}

/** What there is to tell of it. */
export interface HistoryFacts {
  snapshots: number;
  bytes: number;
  budget: number;
  first: Position;
  last: Position;
  writes: number;
  /** Cycles between the two snapshots that are farthest apart. */
  widest: number;
}

/**
 * Cycles by which one place may differ: where a hook stopped the guest, the clock has the next instruction's fetch
 * already. Waiting in HLT is told apart beyond that.
 */
const SAME_PLACE = 2000;

/** Is `a` later than `b`? Where one has no step but infinity, by the clock alone. */
export function later(a: Position, b: Position): boolean {
  if (a.step === Number.POSITIVE_INFINITY || b.step === Number.POSITIVE_INFINITY) return a.cycles > b.cycles;
  return a.step > b.step || (a.step === b.step && a.cycles > b.cycles + SAME_PLACE);
}

export class History {
  readonly target: Target;
  /** Told when points must not stop the guest nor count, since its past is replayed; and when they may again. */
  quiet: (on: boolean) => void = () => {};
  /** Told after the machine was taken to another moment. */
  onMove: () => void = () => {};
  /** Told when a write has made the future another one. */
  onForgotten: () => void = () => {};
  private readonly increments: Increments;
  private readonly budget: number;
  private readonly interval: number;
  private readonly moments: Moment[] = [];
  private bytes = 0;
  private writes: Written[] = [];
  /** How many of them are done where the machine stands. */
  private done = 0;
  /** The furthest place that was reached. */
  private frontier: Position;
  private removeHook: () => void = () => {};

  /** The moment of construction is the first that can be gone back to. */
  constructor(target: Target, options: HistoryOptions = {}) {
    this.target = target;
    this.budget = options.budget ?? DEFAULT_BUDGET;
    this.interval = options.interval ?? DEFAULT_INTERVAL;
    this.increments = new Increments(target.machine);
    target.onWrite = write => this.record(write);
    this.frontier = this.position();
    this.take();
  }

  /** Where the guest stands; in the middle of a run (from a hook or a probe) the place of the running instruction. */
  position(): Position {
    const { machine } = this.target;
    const { cpu, engine } = machine;
    return {
      step: cpu.instructions + cpu.retiredInBlock() + cpu.deliveries,
      cycles: machine.cycles() - engine.ahead / TICKS,
    };
  }

  /** Where the first snapshot is. */
  first(): Position {
    return this.moments[0].at;
  }

  /** The furthest place that was reached on this timeline. */
  last(): Position {
    const now = this.position();
    return later(now, this.frontier) ? now : this.frontier;
  }

  /** Is there anything later than where the guest stands? */
  inPast(): boolean {
    return later(this.frontier, this.position());
  }

  facts(): HistoryFacts {
    const places = [...this.moments.map(m => m.at.cycles), this.last().cycles];
    return {
      snapshots: this.moments.length,
      bytes: this.bytes,
      budget: this.budget,
      first: this.first(),
      last: this.last(),
      writes: this.writes.length,
      widest: Math.max(0, ...places.slice(1).map((cycles, n) => cycles - places[n])),
    };
  }

  /** Called while the guest stands, as often as you like: takes a snapshot when one is due. */
  progress(): void {
    this.catchUp();
    const now = this.position();
    if (later(now, this.frontier)) this.frontier = now;
    const n = this.before(now);
    const next = this.moments[n + 1];
    if (now.cycles - this.moments[n].at.cycles < this.interval) return;
    if (next && next.at.cycles - now.cycles < this.interval) return;
    this.take();
  }

  // ---- going ----------------------------------------------------------------------------------------------------------

  /**
   * Goes to a place of the run: where it is no place to stand at, to the next one, and in front of the first snapshot to
   * that one. What the debugger wrote there is written. Beyond the furthest place, or where the run ends before, the
   * machine stands as far as it came. Without `waits` a place in HLT is where it begins, and `cycles` may be too late.
   */
  goTo(to: Position, waits = true): void {
    const wanted = later(this.first(), to) ? this.first() : to;
    this.replay(() => {
      for (const margin of MARGINS) {
        if (margin !== MARGINS[0] || !this.near(wanted)) this.restore(this.moments[this.before(wanted)]);
        if (this.advance(wanted, margin, true, waits)) break;
      }
    });
  }

  /**
   * Replays the part of the run from the snapshot that comes last before `end`, up to there or a little further, with
   * all hooks and marks in force. Returns where it began. `begin` is called at the beginning: again when the part had to
   * be begun anew. The machine must be taken elsewhere by goTo() before anybody runs it on.
   */
  replayPart(end: Position, begin: () => void): Position {
    const moment = this.moments[this.strictlyBefore(end)];
    this.replay(() => {
      for (const margin of MARGINS) {
        this.restore(moment);
        begin();
        if (this.advance(end, margin, false, false)) break;
      }
    }, false);
    return moment.at;
  }

  /** Goes to `from` and steps to `to`: `tell` is called at each place to stand at in [from, to), while the guest stands. */
  walk(from: Position, to: Position, tell: (at: Position) => void): void {
    this.goTo(from, false);
    this.replay(() => {
      for (let at = this.position(); later(to, at); ) {
        tell(at);
        if (ended(this.target.machine.step())) break;
        this.catchUp();
        const next = this.position();
        if (!later(next, at)) break;
        at = next;
      }
    });
  }

  /** The places of the debugger's writes up to `before`, the latest first. */
  writesBefore(before: Position): { at: Position; write: HostWrite }[] {
    return this.writes.filter(w => !later(w.at, before)).reverse();
  }

  private replay(work: () => void, quiet = true): void {
    this.removeHook();
    for (const state of this.target.hostStates) state.replaying?.(true);
    if (quiet) this.quiet(true);
    try {
      work();
    } finally {
      if (quiet) this.quiet(false);
      for (const state of this.target.hostStates) state.replaying?.(false);
      this.awaitWrite();
      this.onMove();
    }
  }

  /** Is the way from here the shortest? */
  private near(to: Position): boolean {
    const now = this.position();
    return !later(now, to) && !later(this.moments[this.before(to)].at, now);
  }

  /** Index of the last snapshot that is not later than `at`; 0 if there is none. */
  private before(at: Position): number {
    let n = this.moments.length - 1;
    while (n > 0 && later(this.moments[n].at, at)) n--;
    return n;
  }

  private strictlyBefore(at: Position): number {
    let n = this.moments.length - 1;
    while (n > 0 && !later(at, this.moments[n].at)) n--;
    return n;
  }

  /**
   * From where the machine stands to `to`, through the debugger's writes; without `exactly` perhaps a little further,
   * with `waits` in HLT up to its cycle.
   * False if the margin was too short.
   */
  private advance(to: Position, margin: number, exactly: boolean, waits: boolean): boolean {
    for (;;) {
      const next = this.writes[this.done];
      const isWrite = next !== undefined && !later(next.at, to);
      const goal = isWrite ? next.at : to;
      if (!this.advanceTo(goal, margin, exactly || isWrite, waits || isWrite)) return false;
      if (!isWrite) return true;
      this.target.doWrite(next.write);
      this.done++;
    }
  }

  private advanceTo(goal: Position, margin: number, exactly: boolean, waits: boolean): boolean {
    const { machine } = this.target;
    const end = exactly ? goal.cycles - margin : goal.cycles;
    while (machine.cycles() < end && this.position().step < goal.step) {
      const left = end - machine.cycles();
      // Who goes back once will do so again: snapshots, closer and closer.
      const part = exactly && left > 2 * this.interval ? left / 2 : left;
      if (ended(machine.run(machine.cycles() + part))) return true;
      if (part < left) this.take();
    }
    if (!exactly) return true;
    if (later(this.position(), goal)) return false;
    for (;;) {
      const now = this.position();
      if (now.step >= goal.step && !(waits && machine.cpu.halted)) return true;
      const free = goal.step !== Number.POSITIVE_INFINITY && now.step < goal.step;
      if (!free && machine.cycles() >= goal.cycles) return true;
      if (ended(machine.step(free ? undefined : goal.cycles))) return true;
    }
  }

  // ---- snapshots ------------------------------------------------------------------------------------------------------

  private take(): void {
    const at = this.position();
    const n = this.moments.length ? this.before(at) : -1;
    const [last, next] = [this.moments[n], this.moments[n + 1]];
    if (last && !later(at, last.at)) return;
    const increment = this.increments.take(next?.increment);
    const host = this.target.hostStates.map(state => state.save());
    this.moments.splice(n + 1, 0, { at, increment, host, written: this.done, modules: this.modules() });
    this.bytes += ownBytes(increment, last?.increment, next?.increment) + sizeOfHost(host);
    this.thin(at.cycles);
  }

  private drop(n: number): void {
    const { increment, host } = this.moments[n];
    const [last, next] = [this.moments[n - 1], this.moments[n + 1]];
    this.bytes -= ownBytes(increment, last?.increment, next?.increment) + sizeOfHost(host);
    this.moments.splice(n, 1);
  }

  private thin(here: number): void {
    const place = (n: number) => this.moments[n].at.cycles;
    while (this.bytes > this.budget && this.moments.length > 2) {
      let least = 1;
      let lowest = Number.POSITIVE_INFINITY;
      for (let n = 1; n < this.moments.length - 1; n++) {
        const gap = place(n + 1) - place(n - 1);
        const missed = gap / (Math.abs(here - place(n)) + this.interval);
        if (missed < lowest) [least, lowest] = [n, missed];
      }
      this.drop(least);
    }
  }

  private restore(moment: Moment): void {
    const { hostStates, session } = this.target;
    this.increments.restore(moment.increment);
    hostStates.forEach((state, n) => {
      state.load(moment.host[n]);
    });
    this.done = moment.written;
    if (this.modules() !== moment.modules) session?.refreshModules();
  }

  private modules(): string {
    return JSON.stringify(this.target.session?.modules() ?? []);
  }

  // ---- what the debugger writes ------------------------------------------------------------------------------------------

  /** The debugger is about to write: what came later will not come. */
  private record(write: HostWrite): void {
    this.catchUp();
    const at = this.position();
    const future = later(this.frontier, at) || this.writes.length > this.done;
    for (let n = this.moments.length - 1; n > 0 && later(this.moments[n].at, at); n--) this.drop(n);
    this.writes.length = this.done;
    this.removeHook();
    this.frontier = at;
    if (future) {
      for (const state of this.target.hostStates) state.forgetFuture?.();
      this.onForgotten();
    }
    this.writes.push({ at, pc: this.target.pc(), write });
    this.done++;
  }

  /** When the guest runs on from the past, writes that are still to come are done where they were done. */
  private awaitWrite(): void {
    this.removeHook();
    const next = this.writes[this.done];
    if (!next) return;
    const { engine } = this.target.machine;
    const remove = engine.addHook(next.pc, () => {
      if (this.position().step !== next.at.step) return;
      // Where EIP itself or what follows changes, the guest must stand.
      engine.stop();
    });
    this.removeHook = () => {
      remove();
      this.removeHook = () => {};
    };
  }

  /** Does the writes whose place was reached; one that was run past (an interrupt came first) is gone back to. */
  private catchUp(): void {
    for (let next = this.writes[this.done]; next; next = this.writes[this.done]) {
      const now = this.position();
      if (later(next.at, now)) return;
      if (later(now, next.at)) this.goTo(next.at);
      else {
        this.target.doWrite(next.write);
        this.done++;
        this.awaitWrite();
      }
    }
  }
}

/** Ticks of a cycle. */
const TICKS = 4;

/** A guest that asked to exit can be run on. */
function ended(result: RunResult): boolean {
  return result.reason === 'triple-fault' || result.reason === 'halted';
}

/** About what the host's states take. */
function sizeOfHost(value: unknown): number {
  if (typeof value === 'string') return 2 * value.length;
  if (typeof value !== 'object' || value === null) return 8;
  if (ArrayBuffer.isView(value)) return value.byteLength;
  let bytes = 16;
  const parts = value instanceof Map || value instanceof Set ? value.entries() : Object.values(value);
  for (const part of parts) bytes += sizeOfHost(part);
  return bytes;
}
