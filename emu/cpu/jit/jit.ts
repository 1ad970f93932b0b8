/**
 * The compiled engine's host side: it runs units (units.ts has which), does what compiled code calls helpers for, and makes
 * of its exits what the engine wants to know. Semantics are the interpreter's: a helper calls the one model or the row's
 * executor.
 */
import type { Accounting } from '../../accounting.ts';
import { CAUSE } from '../../accounting.ts';
import { FROZEN } from '../../mmu/fault.ts';
import { LineFilter } from '../../mmu/filter.ts';
import { PAGED } from '../../mmu/mmu.ts';
import type { State } from '../../state.ts';
import type { Block, Blocks } from '../blocks.ts';
import type { Cpu } from '../cpu.ts';
import type { Insn } from '../insn.ts';
import { COUNT_BITS } from './borders.ts';
import {
  ANY,
  CELL,
  EXIT_BEGUN,
  EXIT_BORDER,
  EXIT_HEAD,
  EXIT_MIDDLE,
  FAULT,
  LEAVE,
  LOOK,
  REFETCH,
  STALE,
} from './cells.ts';
import type { Code } from './code.ts';
import { type HostHelper, LOADED } from './helpers.ts';
import { type Check, layoutOf, ROW_SHIFT } from './layout.ts';
import { NO_KEY } from './looks.ts';
import { modelBytes } from './model.ts';
import { CompiledRuns } from './runs.ts';
import { stringsBytes } from './strings.ts';
import { Units } from './units.ts';

const ISSUE = CAUSE.issue;
const MISPREDICT = CAUSE.mispredict;

/** Ticks that units may run without a look at the clock: their counts fit their bits. */
const MAX_TICKS = 1 << 19;
const COUNT_MASK = (1 << COUNT_BITS) - 1;

/** Where a unit was left in the middle of a block, before instruction `position`; `thrown`: which faulted with this. */
export interface Middle {
  block: Block;
  position: number;
  thrown: unknown;
}

export class Jit extends Units {
  /** While a host watches: a value of CELL.watched. */
  goesOn: (() => number) | null = null;
  /** Events that compiled code has delivered. */
  delivered = 0;
  /** Bits of GATES (cells.ts); set by the engine. */
  gates: () => number = () => 0;
  /**
   * If a head at tick `now` would find nothing to do, it is done, and the answer is the tick of the next that may; else -1.
   * Set by the engine.
   */
  quietHead: (now: number) => number = () => -1;
  private readonly accounting: Accounting;
  private readonly cells: Int32Array;
  protected readonly imports: WebAssembly.Imports;
  private readonly strings: CompiledRuns;
  private running = false;
  private readonly until: Float64Array;
  /** Of this run, whatever happens. */
  private latest = 0;
  private at = 0;
  private thrown: unknown = null;
  /** The last run ended at a border where the next block has begun: it comes before any look at the clock. */
  begun = false;
  /** Where the last run was left, if not at a border. */
  readonly middle: Middle = { block: null as unknown as Block, position: 0, thrown: null };

  constructor(cpu: Cpu, blocks: Blocks, state: State) {
    super(cpu, blocks, layoutOf(cpu, state));
    this.accounting = cpu.accounting;
    this.cells = this.layout.cells;
    this.until = new Float64Array(this.cells.buffer, this.cells.byteOffset + 4 * CELL.until, 1);
    const m = { memory: state.memory, units: this.table, ...this.helpers() };
    const shared = new WebAssembly.Instance(new WebAssembly.Module(modelBytes(this.layout)), { m });
    const strings = new WebAssembly.Instance(new WebAssembly.Module(stringsBytes(this.layout)), { m });
    this.imports = { m: { ...m, ...shared.exports, ...strings.exports } };
    this.strings = new CompiledRuns(cpu, this.layout, strings.exports, () => this.active);
    cpu.runs.compiled = this.strings;
  }

  /** Parts that compiled code goes without: only to measure what they cost, for the machine is then wrong. */
  get omit(): Set<Check> {
    return this.layout.omit;
  }

  /**
   * Runs from block `b`, for which `code` is ready, until tick `until` or an exit. `charged`: of the issue ticks of the
   * block's first instruction; its first line is fetched. Everything is charged. True at a border (EIP is set); else
   * `middle` says where it stands.
   */
  run(code: Code, b: Block, until: number, charged: number): boolean {
    const { cells, accounting } = this;
    this.latest = accounting.time[0] + MAX_TICKS;
    this.until[0] = Math.min(until, this.latest);
    this.running = true;
    cells[CELL.unit] = code.id;
    cells[CELL.status] = 0;
    cells[CELL.ticks] = -charged;
    cells[CELL.fetches] = 0;
    cells[CELL.counts] = 0;
    cells[CELL.counts + 1] = 0;
    cells[CELL.mispredicts] = 0;
    cells[CELL.mispredictTicks] = 0;
    cells[CELL.l1dMisses] = 0;
    cells[CELL.l2Accesses] = 0;
    cells[CELL.l2Misses] = 0;
    this.lookAtGates();
    this.publish();
    if (cells[CELL.watched] === LOOK) cells[CELL.limit] = LEAVE;
    let kind = EXIT_BORDER as number;
    try {
      kind = code.run(b.entry);
    } finally {
      this.running = false;
    }
    this.adopt();
    return this.settle(kind);
  }

  get lastLine(): number {
    return this.cells[CELL.lastLine];
  }

  /** Does a unit run (a helper of it called)? */
  get active(): boolean {
    return this.running;
  }

  /** Charges what is due with the running instruction. */
  sync(): void {
    const { cells } = this;
    const due = cells[CELL.due];
    if (due > 0) {
      cells[CELL.due] = 0;
      this.accounting.charge(ISSUE, due);
    }
    const mispredicted = cells[CELL.mispredictTicks];
    if (mispredicted > 0) {
      cells[CELL.mispredictTicks] = 0;
      this.accounting.charge(MISPREDICT, mispredicted);
    }
  }

  /** Issue ticks of the running instruction, and those before it, that are not charged. */
  get due(): number {
    return this.cells[CELL.due];
  }

  set due(ticks: number) {
    this.cells[CELL.due] = ticks;
  }

  /** Instructions that the running unit has retired. */
  retired(): number {
    return (this.cells[CELL.counts] & COUNT_MASK) + (this.at & 0xff);
  }

  /** EIP of the running instruction. */
  currentEip(): number {
    return this.insn(this.at).eip;
  }

  // ---- exits ------------------------------------------------------------------------------------------------------

  private settle(kind: number): boolean {
    const { cells, cpu } = this;
    const { mmu } = cpu;
    const low = cells[CELL.counts];
    const high = cells[CELL.counts + 1];
    cpu.instructions += low & COUNT_MASK;
    mmu.loads += ((low >>> COUNT_BITS) | (high << (32 - COUNT_BITS))) & COUNT_MASK;
    mmu.stores += high >>> (2 * COUNT_BITS - 32);
    mmu.fetches += cells[CELL.fetches];
    mmu.hierarchy.l1d.misses += cells[CELL.l1dMisses];
    mmu.hierarchy.l2Accesses += cells[CELL.l2Accesses];
    mmu.hierarchy.l2.misses += cells[CELL.l2Misses];
    this.strings.tell();
    cpu.predictor.misses += cells[CELL.mispredicts];
    let ticks = cells[CELL.ticks];
    this.begun = kind === EXIT_BEGUN;
    if (kind === EXIT_HEAD) cpu.leave = true;
    else if (kind !== EXIT_BORDER && !this.begun) {
      const code = this.code;
      const at = cells[CELL.at];
      const n = at >> 8;
      const k = at & 0xff;
      const block = code.blocks[n];
      ticks += block.ticks[kind === EXIT_MIDDLE ? k : k + 1];
      cpu.instructions += k;
      mmu.loads += code.loads[n][k];
      mmu.stores += code.stores[n][k];
      this.middle.block = block;
      this.middle.position = k;
      this.middle.thrown = kind === EXIT_MIDDLE ? null : this.thrown;
      cpu.eip = code.insns[n][k].eip;
    }
    cells[CELL.due] = ticks;
    this.sync();
    return kind === EXIT_BORDER || kind === EXIT_HEAD || this.begun;
  }

  // ---- helpers ------------------------------------------------------------------------------------------------------

  /** The unit that runs. */
  private get code(): Code {
    return this.codes[this.cells[CELL.unit]];
  }

  private insn(at: number): Insn {
    if (!this.running) throw new Error('no compiled code runs');
    return this.code.insns[(at >> 8) & 0xff][at & 0xff];
  }

  /** What a helper may have changed, to where compiled code looks. */
  private publish(): void {
    const { cells, cpu, accounting } = this;
    const { mmu } = cpu;
    cells[CELL.epoch] = mmu.epoch;
    cells[CELL.bank] = mmu.frontBank << 4;
    cells[CELL.bankBits] = LineFilter.bankBits(mmu.frontBank >> 10);
    cells[CELL.lastEntry] = mmu.lastEntry;
    cells[CELL.shape] = this.shape;
    cells[CELL.paged] = mmu.translation === PAGED ? 1 : 0;
    cells[CELL.row] = accounting.region << ROW_SHIFT;
    cells[CELL.observed] = mmu.observed ? 1 : 0;
    cells[CELL.watched] = this.goesOn === null ? ANY : this.goesOn();
    const room = this.until[0] - accounting.time[0];
    cells[CELL.limit] = room - cells[CELL.mispredictTicks];
  }

  /** What gates may do, and take for granted, is not what it was. */
  private lookAtGates(): void {
    this.cells[CELL.gates] = this.gates();
    this.layout.hand.fill(NO_KEY);
  }

  private begin(due: number, at: number): void {
    this.cells[CELL.due] = due;
    this.at = at;
    this.adopt();
  }

  /** What compiled code may have changed, to where the host looks. */
  private adopt(): void {
    const { cells, cpu } = this;
    cpu.mmu.epoch = cells[CELL.epoch];
    cpu.mmu.lastEntry = cells[CELL.lastEntry];
    this.accounting.region = cells[CELL.row] >> ROW_SHIFT;
    if (cells[CELL.passed] !== 0) this.adoptGates();
  }

  private adoptGates(): void {
    const { cells, cpu } = this;
    cells[CELL.passed] = 0;
    cpu.mmu.setUser(cpu.cpl === 3);
    cpu.flagsChanged();
    if (cells[CELL.leaves] !== 0) cpu.leave = true;
    cells[CELL.leaves] = 0;
    if (cells[CELL.reshaped] !== 0) cpu.segmentsChanged(cells[CELL.reshaped]);
    cells[CELL.reshaped] = 0;
    const low = cells[CELL.gateCounts];
    const high = cells[CELL.gateCounts + 1];
    const deliveries = low & COUNT_MASK;
    cpu.deliveries += deliveries;
    this.delivered += deliveries;
    cpu.mmu.loads += ((low >>> COUNT_BITS) | (high << (32 - COUNT_BITS))) & COUNT_MASK;
    cpu.mmu.stores += high >>> (2 * COUNT_BITS - 32);
    cells[CELL.gateCounts] = cells[CELL.gateCounts + 1] = 0;
  }

  /** `writes` false: reading changes no code (no device's register does), so what is left of the block stands. */
  private end(status: number, writes = true): void {
    const { cells, cpu } = this;
    this.publish();
    const { code } = this;
    // Another block of the unit may go on to its border, as it does when it is interpreted.
    if (writes && code.blocks[(this.at >> 8) & 0xff].dropped) status |= STALE;
    if (status !== 0 || !code.valid || cpu.leave || cells[CELL.watched] === LOOK) cells[CELL.limit] = LEAVE;
    else if (!cpu.mmu.fetchHeld) cells[CELL.limit] = Math.min(cells[CELL.limit], REFETCH);
    cells[CELL.status] = status;
  }

  /** Is the instruction the last of a block that nothing but its target can follow? */
  private endsBlock(at: number): boolean {
    const block = this.code.blocks[(at >> 8) & 0xff];
    return block.ends && (at & 0xff) === block.insns.length - 1;
  }

  /** The executor of a block's last instruction has asked for a head: if that is quiet, units go on. */
  private headBehind(): void {
    const { cells, accounting } = this;
    if (!this.cpu.leave) return;
    const until = this.quietHead(accounting.time[0] + cells[CELL.due] + cells[CELL.mispredictTicks]);
    if (until >= 0) this.until[0] = Math.min(until, this.latest);
  }

  private failed(thrown: unknown): number {
    if (thrown !== this.cpu.fault && thrown !== FROZEN) throw thrown;
    this.thrown = thrown;
    return FAULT;
  }

  private helpers(): Record<HostHelper, (...args: number[]) => number | undefined> {
    const { cpu } = this;
    const { mmu } = cpu;
    const offsetOf = (lin: number, access: number) => (lin - cpu.segmentBase(access & 15)) | 0;
    return {
      read: (lin, access, due, at) => {
        this.begin(due, at);
        let v = 0;
        let status = 0;
        try {
          v = cpu.load(access & 15, offsetOf(lin, access), access >> 4);
          // The unit's constants count it.
          mmu.loads--;
        } catch (thrown) {
          status = this.failed(thrown);
        }
        this.end(status, false);
        return v;
      },
      write: (lin, access, value, due, at) => {
        this.begin(due, at & ~LOADED);
        let status = 0;
        try {
          cpu.store(access & 15, offsetOf(lin, access), access >> 4, value);
          mmu.stores--;
        } catch (thrown) {
          status = this.failed(thrown);
          if (at & LOADED) mmu.loads++;
        }
        this.end(status);
        return undefined;
      },
      probe: (lin, access, due, at) => {
        this.begin(due, at);
        let status = 0;
        try {
          cpu.probeStore(access & 15, offsetOf(lin, access), access >> 4);
        } catch (thrown) {
          status = this.failed(thrown);
        }
        this.end(status, false);
        return undefined;
      },
      fetch: (pa, due) => {
        this.cells[CELL.due] = due;
        this.accounting.region = this.cells[CELL.row] >> ROW_SHIFT;
        mmu.fetchElsewhere(pa);
        this.limit();
        return undefined;
      },
      execute: (at, due) => {
        this.begin(due, at);
        let status = 0;
        try {
          const i = this.insn(at);
          i.exec(cpu, i);
        } catch (thrown) {
          status = this.failed(thrown);
        }
        this.lookAtGates();
        if (status === 0 && this.endsBlock(at)) this.headBehind();
        else if (this.shape !== this.code.shape) status |= STALE;
        this.end(status);
        return undefined;
      },
      general: (at, due) => {
        this.begin(due, at);
        this.thrown = cpu.fault.set(13, 0);
        this.end(FAULT);
        return undefined;
      },
      renumber: () => {
        mmu.dtlb.recency.renumber();
        return undefined;
      },
    };
  }

  /** Time has passed in a helper. */
  private limit(): void {
    const { cells, accounting } = this;
    // An exit that is due stays due, for whatever reason.
    if (cells[CELL.limit] < 0) return;
    const room = this.until[0] - accounting.time[0];
    cells[CELL.limit] = Math.max(0, room - cells[CELL.mispredictTicks]);
  }
}
