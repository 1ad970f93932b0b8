/**
 * The compiled engine's host side: which blocks become a unit, their compilation, the helpers that compiled code calls,
 * and what is made of its exits. Semantics are the interpreter's: a helper calls the one model or the row's executor.
 *
 * A unit is compiled for one shape of the segments, one code mode and paging on or off, by physical and linear address, as
 * its blocks are; privilege and page tables may change, for it looks up each access in the tables of the moment.
 */
import type { Accounting } from '../../accounting.ts';
import { CAUSE } from '../../accounting.ts';
import { FROZEN } from '../../mmu/fault.ts';
import { LineFilter } from '../../mmu/filter.ts';
import { PAGED, STRICT } from '../../mmu/mmu.ts';
import type { State } from '../../state.ts';
import type { Block, Blocks, CompiledCode } from '../blocks.ts';
import type { Cpu } from '../cpu.ts';
import type { Insn } from '../insn.ts';
import { PRE_HOOK } from '../insn.ts';
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
  TARGET,
  TARGET_SHIFT,
  targetOf,
} from './cells.ts';
import { accessesOf, CALL, CALL_INDIRECT, JCC, JMP } from './forms.ts';
import { type HostHelper, LOADED } from './helpers.ts';
import { type Check, type Layout, layoutOf, ROW_SHIFT } from './layout.ts';
import { NO_KEY } from './looks.ts';
import { modelBytes } from './model.ts';
import { CompiledRuns } from './runs.ts';
import { imagesOf, Shelf } from './shelf.ts';
import { stringsBytes } from './strings.ts';
import { COUNT_BITS, translate } from './translate.ts';
import { endingOf } from './words.ts';

/** Of a target that leads nowhere. */
const NO_SHAPE = -2;

const ISSUE = CAUSE.issue;
const MISPREDICT = CAUSE.mispredict;

/** Jit.hot, but in tests. */
const HOT = 8000;
/** Ticks that units may run without a look at the clock: their counts fit their bits. */
const MAX_TICKS = 1 << 19;
/** Times after which a block goes along with another of its page. */
const WARM = 2;
const MAX_BLOCKS = 100;
const MAX_INSNS = 1000;
const COUNT_MASK = (1 << COUNT_BITS) - 1;
/** Bits of Cpu.shape. */
const SHAPE_BITS = 24;
const TABLE_STEP = 256;
/** Doublings of `hot` for a page that has units, at most. */
const MAX_DELAY = 6;

/** A compiled unit. */
export class Code implements CompiledCode {
  /** Its number, in the table of functions too. */
  readonly id: number;
  /** What it is compiled for: Jit.shape. */
  readonly shape: number;
  readonly blocks: readonly Block[];
  readonly insns: readonly (readonly Insn[])[];
  readonly loads: readonly number[][];
  readonly stores: readonly number[][];
  valid = true;
  /** Of its module, in bytes; bytes of each block; numbers of the blocks where others go on with it. */
  size = 0;
  images: readonly Uint8Array[] = [];
  entries: readonly number[] = [];
  run: (block: number) => number = () => EXIT_BORDER;
  private readonly onDrop: (code: Code) => void;

  constructor(id: number, shape: number, blocks: readonly Block[], onDrop: (code: Code) => void) {
    this.id = id;
    this.shape = shape;
    this.blocks = blocks;
    this.insns = blocks.map(block => block.insns.slice());
    const accesses = blocks.map(block => block.insns.map(accessesOf));
    this.loads = accesses.map(of => sums(of.map(a => a.loads)));
    this.stores = accesses.map(of => sums(of.map(a => a.stores)));
    this.onDrop = onDrop;
  }

  drop(): void {
    if (!this.valid) return;
    this.valid = false;
    this.onDrop(this);
  }
}

/** The sum before each, and of all. */
function sums(values: readonly number[]): number[] {
  const sums = [0];
  for (const v of values) sums.push(sums[sums.length - 1] + v);
  return sums;
}

/** Where a unit was left in the middle of a block, before instruction `position`; `thrown`: which faulted with this. */
export interface Middle {
  block: Block;
  position: number;
  thrown: unknown;
}

export class Jit {
  /** Times that a block is interpreted before it is compiled. */
  hot = HOT;
  /** While a host watches: a value of CELL.watched. */
  goesOn: (() => number) | null = null;
  /** Units made, and the bytes of their modules. */
  units = 0;
  moduleBytes = 0;
  /** A clock of the host, in milliseconds; and what making units has taken by it. */
  now: () => number = () => 0;
  milliseconds = 0;
  /** Events that compiled code has delivered. */
  delivered = 0;
  /** Bits of GATES (cells.ts); set by the engine. */
  gates: () => number = () => 0;
  /**
   * If a head at tick `now` would find nothing to do, it is done, and the answer is the tick of the next that may; else -1.
   * Set by the engine.
   */
  quietHead: (now: number) => number = () => -1;
  private readonly cpu: Cpu;
  private readonly blocks: Blocks;
  private readonly accounting: Accounting;
  private readonly layout: Layout;
  private readonly cells: Int32Array;
  private readonly imports: WebAssembly.Imports;
  /** Units compiled and not dropped because bytes changed, by page of their code. */
  private readonly made = new Map<number, number>();
  /** Units by their number, and their functions; numbers that are free again. */
  private readonly codes: Code[] = [];
  private readonly table = new WebAssembly.Table({ element: 'anyfunc', initial: TABLE_STEP });
  private readonly free: number[] = [];
  private readonly shelf: Shelf<Code>;
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
    this.cpu = cpu;
    this.blocks = blocks;
    this.accounting = cpu.accounting;
    this.shelf = new Shelf(cpu.mmu.ram8);
    this.layout = layoutOf(cpu, state);
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

  /** What code must be compiled for to run now; -1: none may. */
  get shape(): number {
    const { shape, mmu } = this.cpu;
    const { translation } = mmu;
    return shape < 0 || translation === STRICT ? -1 : shape | (translation << SHAPE_BITS);
  }

  /** Is there code that may run block `b` now? Makes some when the block has become hot. */
  ready(b: Block): Code | null {
    const code = b.code as Code | null;
    if (code !== null && code.shape === this.shape) return code;
    if (b.heat === 0) {
      const kept = this.shelf.take(b, this.shape);
      if (kept !== null) return this.takeUp(kept, b);
    }
    if (++b.heat < this.hot) return null;
    const made = this.made.get(b.pa >>> 12) ?? 0;
    // Each unit of a page takes in those before it, so the next one has to be worth it.
    if (b.heat < this.hot << Math.min(made, MAX_DELAY)) return null;
    b.heat = 0;
    return this.compile(b);
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

  // ---- compilation --------------------------------------------------------------------------------------------------

  private compile(b: Block): Code | null {
    const { cpu } = this;
    const { shape } = this;
    if (shape < 0 || !cpu.codeBig || !cpu.bigStack || !this.fits(b, b)) return null;
    const blocks = this.reachable(b);
    const id = this.free.pop() ?? this.codes.length;
    const code = new Code(id, shape, blocks, dropped => this.forget(dropped));
    const entries = this.entries(blocks, b);
    const { loads, stores } = code;
    const start = this.now();
    const segments = { ...cpu.segmentTops(), translation: cpu.mmu.translation };
    const bytes = translate({ id, blocks, entries, loads, stores }, this.layout, segments);
    this.units++;
    this.moduleBytes += bytes.length;
    const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), this.imports);
    this.milliseconds += this.now() - start;
    code.run = instance.exports.run as Code['run'];
    code.entries = entries;
    code.size = bytes.length;
    code.images = imagesOf(cpu.mmu.ram8, blocks);
    return this.install(code);
  }

  /** `code` was laid aside, and its bytes are there again; null if they are to be taken otherwise now. */
  private takeUp(old: Code, b: Block): Code | null {
    const blocks = old.blocks.map((o, n) => this.blocks.again(o, old.insns[n]));
    if (!blocks.every(o => o !== null && this.fits(o, b))) {
      this.release(old);
      return null;
    }
    const code = new Code(old.id, old.shape, blocks as Block[], dropped => this.forget(dropped));
    const { run, entries, size, images } = old;
    return this.install(Object.assign(code, { run, entries, size, images }));
  }

  private install(code: Code): Code {
    const { id, blocks, entries } = code;
    this.codes[id] = code;
    if (id >= this.table.length) this.table.grow(TABLE_STEP);
    this.table.set(id, code.run);
    this.countMade(code, 1);
    for (const block of blocks) block.within.push(code);
    for (const n of entries) this.enter(code, n);
    this.discard(this.shelf.add(code));
    // Units that nothing leads to any more.
    const others = new Set(blocks.flatMap(block => block.within as Code[]));
    this.discard([...others].filter(other => !other.blocks.some(o => o.code === other)));
    return code;
  }

  private discard(units: readonly Code[]): void {
    for (const code of units) {
      this.shelf.remove(code);
      if (!code.valid) this.release(code);
      else {
        // Another has taken its place, or the cache is full: it counts on, or its page would be compiled again and again.
        this.countMade(code, 1);
        code.drop();
      }
    }
  }

  private countMade(code: Code, by: 1 | -1): void {
    const page = code.blocks[0].pa >>> 12;
    this.made.set(page, Math.max(0, (this.made.get(page) ?? 0) + by));
  }

  /** Its number is free for the next, which is made when none runs. */
  private release(code: Code): void {
    code.run = () => EXIT_BORDER;
    this.free.push(code.id);
  }

  /** Units that may run and those laid aside, bytes of their modules. */
  cached(): { live: number; aside: number; bytes: number } {
    return this.shelf.figures();
  }

  /** Block `n` of `code` is where others may go on. */
  private enter(code: Code, n: number): void {
    const block = code.blocks[n];
    block.code = code;
    block.entry = n;
    const { targets } = this.layout;
    const at = targetOf(block.eip) << (TARGET_SHIFT - 2);
    targets[at + TARGET.eip] = block.eip;
    targets[at + TARGET.pa] = block.pa;
    targets[at + TARGET.shape] = code.shape;
    targets[at + TARGET.unit] = code.id;
    targets[at + TARGET.block] = n;
    targets[at + TARGET.first] = block.ticks[1];
    targets[at + TARGET.row] = block.region < 0 ? -1 : block.region << ROW_SHIFT;
    targets[at + TARGET.watched] = block.watched;
  }

  /** One of the blocks of `code` has changed. */
  private forget(code: Code): void {
    const { targets } = this.layout;
    for (const block of code.blocks) {
      if (block.code === code) block.code = null;
      const place = block.within.indexOf(code);
      if (place >= 0) block.within.splice(place, 1);
      const at = targetOf(block.eip) << (TARGET_SHIFT - 2);
      if (targets[at + TARGET.unit] !== code.id) continue;
      targets[at + TARGET.shape] = NO_SHAPE;
      // Its number will be another unit's, which looks here for its own blocks.
      targets[at + TARGET.unit] = -1;
    }
    this.table.set(code.id, null);
    this.countMade(code, -1);
    this.discard(this.shelf.layAside(code));
  }

  /** Which blocks of a unit others go on with: `b`, what is called and returned to, and what nothing within leads to. */
  private entries(blocks: readonly Block[], b: Block): number[] {
    const numbers = new Map(blocks.map((block, n) => [block.eip, n]));
    const led = new Set<number>();
    const entered = new Set<number>();
    const note = (set: Set<number>, eip: number) => {
      const n = numbers.get(eip);
      if (n !== undefined) set.add(n);
    };
    for (const [n, block] of blocks.entries()) {
      if (block === b || block.code !== null) entered.add(n);
      const last = block.insns[block.insns.length - 1];
      const calls = last.form === CALL || last.form === CALL_INDIRECT;
      if (last.form === CALL) note(entered, last.imm);
      if (calls || (block.ends && last.form < CALL)) note(entered, last.next);
      for (const eip of successors(block)) note(led, eip);
    }
    for (const n of blocks.keys()) if (!led.has(n)) entered.add(n);
    return [...entered];
  }

  /**
   * `b` and the blocks of its page that it leads to or that lead to it, directly or not, as far as they have run; then
   * others that are hot, or compiled before.
   */
  private reachable(b: Block): Block[] {
    const known = new Map<number, Block>();
    for (const o of this.blocks.inPage(b.pa))
      if (
        (o.heat >= Math.min(WARM, this.hot) || o.within.length > 0) &&
        ((o.lin ^ b.lin) & ~0xfff) === 0 &&
        ((o.eip - b.eip) | 0) === ((o.lin - b.lin) | 0) &&
        o.mode === b.mode &&
        this.fits(o, b)
      )
        known.set(o.eip, o);
    known.set(b.eip, b);
    const found = new Set<Block>();
    let insns = 0;
    const take = (from: Block) => {
      const work = [from];
      for (let o = work.shift(); o !== undefined; o = work.shift()) {
        if (found.has(o) || found.size >= MAX_BLOCKS || insns + o.insns.length > MAX_INSNS) continue;
        found.add(o);
        insns += o.insns.length;
        for (const eip of successors(o)) {
          const next = known.get(eip);
          if (next !== undefined) work.push(next);
        }
      }
    };
    take(b);
    for (let before = 0; before < found.size; ) {
      before = found.size;
      for (const o of known.values()) {
        if (found.has(o)) continue;
        if (successors(o).some(eip => found.has(known.get(eip) as Block))) take(o);
      }
    }
    // Returns and indirect jumps lead to what no block says.
    for (const o of known.values()) if (o.within.length > 0 || o.heat >= this.hot / 2) take(o);
    return [...found].sort((x, y) => (x.eip >>> 0) - (y.eip >>> 0));
  }

  private fits(b: Block, with_: Block): boolean {
    return (
      b.valid &&
      b.secondPage < 0 &&
      b.region === with_.region &&
      b.watched === with_.watched &&
      b.pa >>> 0 < this.cpu.mmu.ramSize &&
      !b.insns.some(i => i.pre & PRE_HOOK)
    );
  }
}

/** Where a block leads to in plain sight; behind a call, where it comes back to. */
function successors(b: Block): number[] {
  const last = b.insns[b.insns.length - 1];
  if (last.form >= JCC) return [last.next, last.imm];
  if (last.form === CALL) return [last.next, last.imm];
  if (last.form === CALL_INDIRECT) return [last.next];
  if (last.form === JMP) return [last.imm];
  if (b.ends && last.rep === 0 && !last.row.form.startsWith('INT') && !endingOf(last)) return [];
  return [last.next];
}
