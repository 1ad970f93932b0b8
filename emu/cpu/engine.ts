/**
 * The interpreter: heads, blocks, faults, interrupts, and the issue part of the clock.
 *
 * A *head* is where device events and interrupts are looked at: the first instruction after a block. Blocks end at
 * branches, at rows that say so (serialising, IF-changing, port and clock-reading instructions), at a page border
 * and after 64 instructions; an exception's delivery, IRET and 64 rounds of REP lead to a head too. With TF set or
 * in the shadow of STI and MOV SS, one instruction runs from head to head. A host that steps makes no heads:
 * `sinceHead` says how far the current block has got.
 *
 * Issue ticks of a block are charged when something else is charged (`sync`) and at its end, so every reader of
 * the clock sees it exact to the instruction that reads.
 */
import { CAUSE, WATCHED } from '../accounting.ts';
import { NEVER, TICKS_PER_CYCLE } from '../clock.ts';
import { DB, FROZEN } from '../mmu/fault.ts';
import type { State } from '../state.ts';
import { type Block, Blocks, MAX_BLOCK, STALE } from './blocks.ts';
import type { Cpu } from './cpu.ts';
import { deliver } from './exceptions.ts';
import { type Cursor, runInsns } from './exec/hot.ts';
import { PRE_HOOK, PRE_LINE, PRE_LINE2 } from './insn.ts';
import { GATES_HEARD as HEARD, LOOK, GATES_QUIET as QUIET, GATES_INTR as WAITS } from './jit/cells.ts';
import { Jit } from './jit/jit.ts';
import { RF } from './registers.ts';

const ISSUE = CAUSE.issue;
const IDLE = CAUSE.idle;
const SYSTEM = CAUSE.system;
const NMI_VECTOR = 2;
const GATES_QUIET = QUIET;
const GATES_INTR = WAITS;
const GATES_HEARD = HEARD;

/** DR6.BS: single step. */
const DR6_BS = 0x4000;

/** The interrupt controller as the CPU sees it. */
export interface InterruptController {
  intr(): boolean;
  acknowledge(): number;
}

/** A host that watches some of the code that runs: its stores (Mmu.watchStores), and when it begins. */
export interface Watcher {
  /** Whose the code at a linear address is: true watched, false not, null as whoever called or entered it. */
  watches(lin: number): boolean | null;
  /** Page directories, physical: all code that runs under one is watched. */
  directories: ReadonlySet<number>;
  /** Two watchers with the same say the same of all code, but for `directories`. */
  readonly says: string;
  /** Watched code begins or goes on at linear address `lin`, after other code; it has not run yet. */
  entered(lin: number): void;
}

export type StopReason = 'limit' | 'triple-fault' | 'halted' | 'stopped';

/** No linear address: they are int32. */
const NOWHERE = 2 ** 40;

/** Thrown by a hook's wish to stop before its instruction. */
const STOP = { stop: true };

export class Engine implements Cursor {
  readonly cpu: Cpu;
  readonly blocks: Blocks;
  /** Set by the machine. */
  pic: InterruptController | null = null;
  /** A pending non-maskable interrupt. */
  nmi = false;
  private readonly hooks = new Map<number, (() => void)[]>();
  private running: Block | null = null;
  /** The running instruction of the block. */
  position = 0;
  private charged = 0;
  private lastLine = -1;
  private sinceHead = 0;
  private stopWanted = false;
  /** Of the run. */
  private until = NEVER;
  /** Where a hook stopped the run: its hooks are not called again. */
  private skipLin = NOWHERE;
  /** The head before the next block was looked at already, but its first instruction has not run. */
  private headDone = false;
  /** Issue ticks of the next instruction that were charged before a hook stopped in front of it. */
  private prepaid = 0;
  private watcher: Watcher | null = null;
  /** What the watcher before said, by which the blocks are marked; null: there was none. */
  private said: string | null = null;
  /** The last block was watched. */
  private inWatched = 0;
  /** The CR3 that was looked up last, and whether it is one of the watcher's. */
  private knownCr3 = NOWHERE;
  private inDirectory = false;
  private readonly lineShift: number;
  private readonly wakeTicks: number;
  /**
   * What a fault costs that comes before its instruction was issued. Where entering a handler takes no time, a
   * handler that cannot be fetched would else fault for ever between two ticks.
   */
  private readonly unissuedTicks: number;

  /** Runs blocks that have become hot; null: all are interpreted. */
  readonly jit: Jit | null = null;

  /** `state`: of a machine whose hot code is to be compiled. */
  constructor(cpu: Cpu, state: State | null = null) {
    this.cpu = cpu;
    this.blocks = new Blocks(cpu);
    if (state) this.jit = new Jit(cpu, this.blocks, state);
    this.blocks.hooked = lin => this.hooks.has(lin);
    if (this.jit) {
      this.jit.gates = () => this.gates();
      this.jit.quietHead = now => this.quietHead(now);
    }
    cpu.mmu.sync = cpu.mmu.hierarchy.sync = () => this.sync();
    cpu.retiredInBlock = () => (this.jit?.active ? this.jit.retired() : this.running ? this.position : 0);
    cpu.mmu.onMarkedWrite = (pa, length) => this.blocks.invalidate(pa, length);
    cpu.issue = this;
    this.lineShift = this.blocks.lineShift;
    this.unissuedTicks = cpu.profile.timing ? 0 : TICKS_PER_CYCLE;
    this.wakeTicks = cpu.profile.timing ? cpu.profile.system.haltWake.value * TICKS_PER_CYCLE : 0;
  }

  /** GATES of cells.ts: what compiled code may do without us. */
  private gates(): number {
    const c = this.cpu;
    if (this.nmi || c.nmiBlocked || c.repEip !== -1 || c.breakpoints.armed) return 0;
    const heard = this.watcher || c.probes.listeners > 0 ? GATES_HEARD : 0;
    return heard | GATES_QUIET | (this.pic?.intr() ? GATES_INTR : 0);
  }

  /** As Jit.quietHead says, between two blocks of runBlocks. */
  private quietHead(now: number): number {
    const c = this.cpu;
    if (this.stopWanted || c.shadow || c.trapFlag || c.halted || c.shutdown || this.nmi) return -1;
    if (c.breakpoints.armed || c.probes.begins.length > 0) return -1;
    const until = Math.min(this.until, c.clock.next());
    if (now >= until || (c.interruptsOn && this.pic?.intr())) return -1;
    c.leave = false;
    c.setSystemFlag(RF, false);
    if (!this.watcher) c.headAt = until;
    return until;
  }

  /** Calls `hook` before each execution of the instruction at `lin`; returns the function that removes it. */
  addHook(lin: number, hook: () => void): () => void {
    const key = lin | 0;
    const list = this.hooks.get(key) ?? [];
    this.hooks.set(key, [...list, hook]);
    if (list.length === 0) this.blocks.dropAt(key);
    return () => {
      const left = (this.hooks.get(key) ?? []).filter(h => h !== hook);
      if (left.length) this.hooks.set(key, left);
      else this.hooks.delete(key);
      if (left.length === 0) this.blocks.dropAt(key);
    };
  }

  /** Watches code from the next block on; null ends it. Call it again when its directories or answers have changed. */
  watch(watcher: Watcher | null): void {
    this.watcher = watcher;
    this.knownCr3 = NOWHERE;
    this.inWatched = 0;
    this.cpu.mmu.setWatching(false);
    if (this.jit) this.jit.goesOn = watcher && (() => this.goesOn());
    if (!watcher) {
      // Blocks keep what they were told: it means nothing until somebody watches, who is often the same again.
      this.cpu.accounting.watched = 0;
      return;
    }
    if (watcher.says !== this.said) {
      this.said = watcher.says;
      this.blocks.watchedAt = lin => {
        const watches = watcher.watches(lin);
        return watches === null ? -1 : watches ? WATCHED : 0;
      };
      this.blocks.review();
    }
    if (this.running?.valid) this.attend(this.running);
  }

  /** The watcher's directories have changed. Can be called from its `entered`. */
  watchedDirectoriesChanged(): void {
    this.knownCr3 = NOWHERE;
  }

  /** Ends the run before the next instruction (from a hook: before the hooked one; from a device: at its head). */
  stop(): void {
    this.stopWanted = true;
    this.cpu.leave = true;
  }

  /**
   * Ends the run behind the running instruction: what is left of its block is void. While an instruction is looked for
   * (its fetch missed a TLB), before that one.
   */
  stopAfter(): void {
    this.stop();
    this.blocks.clear();
    this.blocks.barred = this.running === null;
  }

  /** Runs to the first head at or after tick `until`, a stop, a triple fault or a HLT that nothing can end. */
  run(until: number): StopReason {
    const c = this.cpu;
    const time = c.accounting.time;
    this.stopWanted = this.blocks.barred = false;
    this.until = until;
    if (this.sinceHead !== 0 && time[0] >= until) return 'limit';
    for (;;) {
      if (this.sinceHead === 0 && !this.headDone) {
        c.leave = false;
        const stop = this.head(until);
        if (stop) return stop;
        this.headDone = true;
        if (this.stopWanted) return 'stopped';
      }
      // From the middle of a block, which code that changed or a tool may have left, on to the head where it ends in any case.
      if (this.sinceHead === 0 && time[0] >= until) return 'limit';
      if (c.breakpoints.armed || c.probes.singly > 0) this.runBlock(1);
      else if (this.sinceHead !== 0 || c.shadow || c.trapFlag || this.skipLin !== NOWHERE)
        this.runBlock(MAX_BLOCK);
      else this.runBlocks(Math.min(until, c.clock.next()));
      if (this.stopWanted) return 'stopped';
    }
  }

  /** Runs exactly one instruction (or delivers one interrupt or fault); while halted, to tick `until` at most. */
  step(until = NEVER): StopReason {
    this.stopWanted = this.blocks.barred = false;
    if (this.sinceHead === 0 && !this.headDone) {
      const deliveries = this.cpu.deliveries;
      const stop = this.head(until);
      if (stop) return stop;
      this.headDone = true;
      if (this.cpu.deliveries !== deliveries) return 'stopped';
    }
    this.runBlock(1);
    return this.cpu.shutdown ? 'triple-fault' : 'stopped';
  }

  /**
   * The fast road: whole blocks, one after another, as long as no head could find anything: the clock is before
   * `until` and nobody set `leave`. Whoever follows (`begins`) wants each block, so they are interpreted. Whoever watches
   * is satisfied with a look where compiled code is entered: it leaves before another look would find something else
   * (`goesOn`).
   */
  private runBlocks(until: number): void {
    const c = this.cpu;
    const accounting = c.accounting;
    const time = accounting.time;
    const { blocks } = this;
    const { begins } = c.probes;
    const followed = begins.length > 0;
    const jit = followed ? null : this.jit;
    c.headAt = followed || this.watcher !== null ? -1 : until;
    this.headDone = false;
    c.setSystemFlag(RF, false);
    try {
      let b = blocks.find();
      for (;;) {
        const n = b.insns.length;
        if (followed) for (const tell of begins) tell(b, n);
        if (b.region >= 0) accounting.region = b.region;
        if (this.watcher !== null) this.attend(b);
        // With `leave` set before the run, by the host, there is a head behind the first block.
        const code = jit === null || c.leave ? null : jit.ready(b);
        this.charged = 0;
        this.position = 0;
        this.running = b;
        if (b.firstLine !== this.lastLine) c.mmu.fetchLine(b.pa);
        if (jit !== null && code !== null) {
          this.running = null;
          if (!jit.run(code, b, until, this.charged)) return this.leftMiddle(jit);
          this.lastLine = jit.lastLine;
          if (!jit.begun && (c.leave || time[0] >= until)) break;
          b = blocks.find();
          continue;
        }
        runInsns(this, c, b, n);
        this.running = null;
        accounting.charge(ISSUE, b.total - this.charged);
        c.instructions += n;
        if (!b.ends) c.eip = b.end;
        this.lastLine = b.lastLine;
        if (c.leave || time[0] >= until) break;
        b = blocks.follow(b);
      }
    } catch (thrown) {
      const b = this.running;
      const done = b ? this.interrupted(b, this.position, thrown) : this.notFound(thrown);
      this.sinceHead = Math.max(0, done);
    }
  }

  /** Compiled code stands in the middle of a block. What is due is charged, what was retired counted. */
  private leftMiddle(jit: Jit): void {
    const c = this.cpu;
    const { block, position, thrown } = jit.middle;
    if (thrown === null) {
      this.lastLine = this.lineOfLast(block, position);
      this.sinceHead = position;
      return;
    }
    this.sinceHead = 0;
    this.lastLine = -1;
    if (thrown === c.fault) this.toHandler(c.fault.vector, c.fault.error, 'fault', c.eip);
    else c.halted = true;
  }

  /** Is block `b`, which comes next, watched? What interrupted code was, IRET says (Accounting.restoreRegion). */
  private attend(b: Block): void {
    const { cpu, watcher } = this;
    const { accounting, mmu, cr3 } = cpu;
    if (cr3 !== this.knownCr3) {
      this.knownCr3 = cr3;
      this.inDirectory = watcher?.directories.has((cr3 & ~0xfff) >>> 0) ?? false;
    }
    const watched = this.inDirectory ? WATCHED : b.watched < 0 ? accounting.watched : b.watched;
    accounting.watched = watched;
    if (watched === this.inWatched) return;
    this.inWatched = watched;
    mmu.setWatching(watched !== 0);
    if (watched !== 0) watcher?.entered(b.lin);
  }

  /** What attend() would find of code that is watched alike, or as whoever called it: no change; else LOOK. */
  private goesOn(): number {
    const { cpu, inWatched } = this;
    if (cpu.cr3 !== this.knownCr3) return LOOK;
    if (!this.inDirectory && cpu.accounting.watched !== inWatched) return LOOK;
    return inWatched;
  }

  /** Charges the issue ticks of the running block up to and with the current instruction. */
  sync(): void {
    if (this.jit?.active) return this.jit.sync();
    const b = this.running;
    if (!b) return;
    const total = b.ticks[this.position + 1];
    const due = total - this.charged;
    if (due <= 0) return;
    this.charged = total;
    this.cpu.accounting.charge(ISSUE, due);
  }

  /** Issue ticks that sync() would charge. */
  get due(): number {
    if (this.jit?.active) return this.jit.due;
    const b = this.running;
    return b ? b.ticks[this.position + 1] - this.charged : 0;
  }

  set due(ticks: number) {
    if (this.jit?.active) this.jit.due = ticks;
    else this.charged += this.due - ticks;
  }

  /** The linear address of the instruction that is running (or comes next). */
  currentLin(): number {
    const c = this.cpu;
    const b = this.running;
    const eip = this.jit?.active ? this.jit.currentEip() : b ? b.insns[this.position].eip : c.eip;
    return (eip + c.segmentBase(1)) | 0;
  }

  /** Is an instruction running, or stands the machine between two? Deliveries come between. */
  get isRunning(): boolean {
    return this.running !== null || (this.jit?.active ?? false);
  }

  /** Ticks on the clock that belong to the instruction that comes next: a hook stopped the run in front of it. */
  get ahead(): number {
    return this.prepaid;
  }

  /** Takes them back off the clock: the host changes what comes next. */
  takeBack(): void {
    this.cpu.accounting.charge(ISSUE, -this.prepaid);
    this.prepaid = 0;
  }

  /** Bytes of RAM changed behind the CPU's back (DMA, the host). */
  ramChanged(pa: number, length: number): void {
    this.cpu.mmu.markDirty(pa, length);
    this.blocks.invalidate(pa, length);
    this.lastLine = -1;
  }

  /** The processor was reset, between two instructions: it goes on at its EIP, and from a head. */
  restart(): void {
    this.blocks.clear();
    this.lastLine = -1;
    this.sinceHead = 0;
    this.prepaid = 0;
    this.headDone = false;
    this.nmi = false;
  }

  save(): unknown {
    return {
      cpu: this.cpu.saveState(),
      nmi: this.nmi,
      lastLine: this.lastLine,
      sinceHead: this.sinceHead,
      stop: [this.skipLin, this.headDone ? 1 : 0, this.prepaid],
    };
  }

  /** `stale`: pages of RAM whose bytes may differ from those that blocks were decoded from; default all. */
  load(state: unknown, stale?: readonly number[]): void {
    const s = state as {
      cpu: unknown;
      nmi: boolean;
      lastLine: number;
      sinceHead: number;
      stop: number[];
    };
    this.blocks.forgetPages(stale);
    this.cpu.loadState(s.cpu);
    this.nmi = s.nmi;
    this.lastLine = s.lastLine;
    this.sinceHead = s.sinceHead;
    this.skipLin = s.stop[0];
    this.headDone = s.stop[1] === 1;
    this.prepaid = s.stop[2];
    this.knownCr3 = NOWHERE;
    this.inWatched = 0;
    this.running = null;
  }

  /** What is looked at at a head; returns a reason to stop, or null. Time passes here while halted. */
  private head(until: number): StopReason | null {
    const c = this.cpu;
    if (c.shutdown) return 'triple-fault';
    const time = c.accounting.time;
    for (;;) {
      if (time[0] >= c.clock.next()) c.clock.runDue();
      if (this.stopWanted) return 'stopped';
      if (c.shadow) return null;
      if (this.nmi && !c.nmiBlocked) {
        this.nmi = false;
        this.wake();
        this.interrupt(NMI_VECTOR);
        return c.shutdown ? 'triple-fault' : null;
      }
      if (c.interruptsOn && this.pic?.intr()) {
        this.wake();
        this.interrupt(this.pic.acknowledge());
        return c.shutdown ? 'triple-fault' : null;
      }
      if (!c.halted) return null;
      if (!c.interruptsOn && !this.nmi) {
        // Only an NMI or INIT could end this, and no device raises one without an event.
        if (c.clock.next() === NEVER || !this.nmiSource()) return 'halted';
      }
      const next = Math.min(c.clock.next(), until);
      if (next === NEVER) return 'halted';
      if (next > time[0]) c.charge(IDLE, next - time[0]);
      if (time[0] >= until) return 'limit';
    }
  }

  /** Whether some device may raise an NMI or INIT, so that HLT with interrupts off is not the end. */
  nmiSource: () => boolean = () => false;

  private wake(): void {
    if (!this.cpu.halted) return;
    this.cpu.halted = false;
    this.cpu.charge(SYSTEM, this.wakeTicks);
  }

  private interrupt(vector: number): void {
    this.toHandler(vector, -1, 'external', this.cpu.eip);
  }

  private toHandler(vector: number, error: number, kind: 'fault' | 'trap' | 'external', eip: number): void {
    this.lastLine = -1;
    this.sinceHead = 0;
    // What delivery writes is not the watched code's; the handler is seen as new.
    if (this.inWatched !== 0) {
      this.inWatched = 0;
      this.cpu.mmu.setWatching(false);
    }
    // A faulting instruction did not complete, so its breakpoints did not trap.
    const breakpoints = this.cpu.breakpoints;
    if (kind === 'fault') breakpoints.hits = 0;
    deliver(this.cpu, vector, error, kind, eip);
    if (vector === DB) breakpoints.hits = 0;
  }

  /**
   * Breakpoints before the instruction at EIP: one that the last delivery's own accesses met, or the instruction's.
   * True if its handler is next.
   */
  private breakpoint(resume: boolean): boolean {
    const c = this.cpu;
    if (this.debugTrap(0)) return true;
    // A string instruction with rounds left does not start again.
    if (resume || c.repEip === c.eip) return false;
    const met = c.breakpoints.execute(this.currentLin());
    if (met === 0) return false;
    c.setDr(6, c.dr(6) | met);
    c.charge(ISSUE, this.unissuedTicks);
    c.breakpoints.executing = true;
    this.toHandler(DB, -1, 'fault', c.eip);
    c.breakpoints.executing = false;
    return true;
  }

  /** Raises the debug trap of DR6 bits `cause` and of the breakpoints met, if any. */
  private debugTrap(cause: number): boolean {
    const c = this.cpu;
    const bits = cause | c.breakpoints.take();
    if (bits === 0) return false;
    c.setDr(6, c.dr(6) | bits);
    this.toHandler(DB, -1, 'trap', c.eip);
    return true;
  }

  private runBlock(max: number): void {
    const c = this.cpu;
    let b: Block;
    c.headAt = -1;
    this.headDone = false;
    const debugShadow = c.debugShadow;
    const resume = (c.systemFlags & RF) !== 0;
    if (c.breakpoints.armed && !debugShadow && this.breakpoint(resume)) return;
    c.debugShadow = false;
    c.setSystemFlag(RF, false);
    try {
      b = this.blocks.find();
    } catch (fault) {
      this.notFound(fault);
      return;
    }
    const trap = c.trapFlag;
    const shadow = c.shadow;
    const single = trap || shadow;
    c.shadow = false;
    const room = MAX_BLOCK - this.sinceHead;
    const whole = Math.min(b.insns.length, room);
    const n = single ? 1 : Math.min(max, whole);
    for (const tell of c.probes.begins) tell(b, n);
    if (b.region >= 0) c.accounting.region = b.region;
    if (this.watcher) this.attend(b);
    const deliveries = c.deliveries;
    const done = this.execute(b, n);
    if (done < 0) {
      this.sinceHead = 0;
      return;
    }
    if (done === 0) {
      c.shadow = shadow;
      c.debugShadow = debugShadow;
      c.setSystemFlag(RF, resume);
    }
    this.sinceHead = done === n && (single || n === whole) ? 0 : this.sinceHead + done;
    if (done > 0 && !c.debugShadow) this.debugTrap(trap && c.deliveries === deliveries ? DR6_BS : 0);
  }

  /**
   * Runs the first `n` instructions of a block and returns how many were done: fewer when the block went stale
   * or a hook stopped it; -1 when one faulted and its handler is next.
   */
  private execute(b: Block, n: number): number {
    const c = this.cpu;
    const insns = b.insns;
    this.running = b;
    this.charged = this.prepaid;
    this.prepaid = 0;
    this.position = 0;
    try {
      if (b.firstLine !== this.lastLine) c.mmu.fetchLine(b.pa);
      runInsns(this, c, b, n);
    } catch (thrown) {
      return this.interrupted(b, this.position, thrown);
    }
    this.position = n - 1;
    this.sync();
    this.running = null;
    c.instructions += n;
    if (n < insns.length) c.eip = insns[n].eip;
    else if (!b.ends) c.eip = b.end;
    this.lastLine = this.lineOfLast(b, n);
    this.skipLin = NOWHERE;
    return n;
  }

  /** Fetching or decoding the first instruction of a block faulted. */
  private notFound(thrown: unknown): number {
    const c = this.cpu;
    if (thrown !== c.fault) throw thrown;
    c.charge(ISSUE, this.unissuedTicks);
    this.toHandler(c.fault.vector, c.fault.error, 'fault', c.eip);
    return -1;
  }

  /** A fault, a stale block or a hook's stop, before instruction k of the block had any effect. */
  private interrupted(b: Block, k: number, thrown: unknown): number {
    const c = this.cpu;
    const i = b.insns[k];
    c.instructions += k;
    if (thrown === c.fault) {
      this.sync();
      this.running = null;
      c.eip = i.eip;
      this.toHandler(c.fault.vector, c.fault.error, 'fault', i.eip);
      return -1;
    }
    if (thrown === FROZEN) {
      this.sync();
      this.running = null;
      c.eip = i.eip;
      c.halted = true;
      this.lastLine = -1;
      return -1;
    }
    this.skipLin = NOWHERE;
    if (thrown === STOP) {
      this.skipLin = (b.lin + ((i.eip - b.eip) | 0)) | 0;
      this.prepaid = Math.max(0, this.charged - b.ticks[k]);
      this.headDone = k === 0;
    }
    // What was looked at, an undisturbed run would not look at again before this instruction.
    if (thrown === STALE && k === 0 && this.blocks.barred) this.headDone = true;
    this.position = k - 1;
    if (k > 0) this.sync();
    this.running = null;
    if (thrown !== STALE && thrown !== STOP) throw thrown;
    c.eip = i.eip;
    this.lastLine = k === 0 ? b.firstLine : this.lineOfLast(b, k);
    return k;
  }

  private lineOfLast(b: Block, n: number): number {
    if (b.secondPage >= 0) return b.secondPage >>> this.lineShift;
    const i = b.insns[n - 1];
    if (!i) return -1;
    return (b.pa + ((i.next - b.eip) | 0) - 1) >>> this.lineShift;
  }

  /** What Insn.pre asks for before instruction k. */
  before(b: Block, k: number): void {
    const i = b.insns[k];
    const pa = b.pa + ((i.eip - b.eip) | 0);
    // Hooks come first: one that stops here must not leave a fetch behind that is made again.
    if (i.pre & PRE_HOOK) this.callHooks(b, k);
    if (i.pre & PRE_LINE) this.cpu.mmu.fetchLine(pa);
    if (i.pre & PRE_LINE2) this.cpu.mmu.fetchLine(b.secondPage >= 0 ? b.secondPage : pa + i.length - 1);
  }

  private callHooks(b: Block, k: number): void {
    const lin = (b.lin + ((b.insns[k].eip - b.eip) | 0)) | 0;
    const stoppedHere = lin === this.skipLin;
    this.skipLin = NOWHERE;
    if (stoppedHere) return;
    this.sync();
    for (const hook of this.hooks.get(lin) ?? []) hook();
    this.cpu.leave = true;
    if (this.stopWanted) throw STOP;
  }
}
