/**
 * The compiled engine's host side: which blocks become a unit, their compilation, the helpers that compiled code calls,
 * and what is made of its exits. Semantics are the interpreter's: a helper calls the one model or the row's executor.
 *
 * A unit is compiled for one shape of the segments and one code mode, by physical and linear address, as its blocks are;
 * privilege and page tables may change, for it looks up each access in the front table of the moment.
 */
import type { Accounting } from '../../accounting.ts';
import { CAUSE } from '../../accounting.ts';
import { FROZEN } from '../../mmu/fault.ts';
import type { State } from '../../state.ts';
import type { Block, Blocks, CompiledCode } from '../blocks.ts';
import type { Cpu } from '../cpu.ts';
import type { Insn } from '../insn.ts';
import { PRE_HOOK } from '../insn.ts';
import { CELL, EXIT_BORDER, EXIT_MIDDLE, FAULT, STALE, TARGETS } from './cells.ts';
import { accessesOf, CALL, CALL_INDIRECT, JCC, JMP } from './forms.ts';
import { type Helper, LOADED } from './helpers.ts';
import { type Layout, layoutOf } from './layout.ts';
import { modelBytes } from './model.ts';
import { COUNT_BITS, translate } from './translate.ts';

const ISSUE = CAUSE.issue;
const MISPREDICT = CAUSE.mispredict;

/** Jit.hot, but in tests. */
const HOT = 40;
/** Ticks that a unit may run without a look at the clock: its counts fit their bits. */
const MAX_TICKS = 1 << 19;
/** Times after which it goes along with another of its page. */
const WARM = 4;
const MAX_BLOCKS = 160;
const MAX_INSNS = 2500;
const COUNT_MASK = (1 << COUNT_BITS) - 1;

/** A compiled unit. */
export interface Code extends CompiledCode {
  id: number;
  shape: number;
  blocks: readonly Block[];
  insns: readonly (readonly Insn[])[];
  loads: readonly number[][];
  stores: readonly number[][];
  run: (block: number) => number;
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
  /** Units made, and the bytes of their modules. */
  units = 0;
  moduleBytes = 0;
  private readonly cpu: Cpu;
  private readonly blocks: Blocks;
  private readonly accounting: Accounting;
  private readonly layout: Layout;
  private readonly cells: Int32Array;
  private readonly imports: WebAssembly.Imports;
  /** Units made, by page of their code. */
  private readonly made = new Map<number, number>();
  private running: Code | null = null;
  private readonly until: Float64Array;
  private at = 0;
  private thrown: unknown = null;
  /** Where the last run was left, if not at a border. */
  readonly middle: Middle = { block: null as unknown as Block, position: 0, thrown: null };

  constructor(cpu: Cpu, blocks: Blocks, state: State) {
    this.cpu = cpu;
    this.blocks = blocks;
    this.accounting = cpu.accounting;
    this.layout = layoutOf(cpu, state);
    this.cells = this.layout.cells;
    const m = { memory: state.memory, ...this.helpers() };
    this.imports = { m };
    this.until = new Float64Array(this.cells.buffer, this.cells.byteOffset + 4 * CELL.until, 1);
    const model = modelBytes(this.layout);
    if (model) {
      const { load, store } = new WebAssembly.Instance(new WebAssembly.Module(model), this.imports).exports;
      this.imports = { m: { ...m, load, store } };
    }
  }

  /** Is there code that may run block `b` now? Makes some when the block has become hot. */
  ready(b: Block): Code | null {
    const code = b.code as Code | null;
    if (code === null) {
      if (++b.heat < this.hot) return null;
      const made = this.made.get(b.pa >>> 12) ?? 0;
      // Each unit of a page takes in those before it, so the next one has to be worth it.
      if (b.heat < this.hot << Math.min(made, 8)) return null;
      b.heat = 0;
      this.made.set(b.pa >>> 12, made + 1);
      return this.compile(b);
    }
    if (!code.valid) {
      b.code = null;
      return null;
    }
    return code.shape === this.cpu.shape && !this.cpu.mmu.strict ? code : null;
  }

  /**
   * Runs from block `b`, for which `code` is ready, until tick `until` or an exit. Everything is charged. True at a border
   * (EIP is set); else `middle` says where it stands.
   */
  run(code: Code, b: Block, until: number, lastLine: number): boolean {
    const { cells, cpu } = this;
    const { mmu } = cpu;
    this.until[0] = Math.min(until, this.accounting.time[0] + MAX_TICKS);
    this.running = code;
    cells[CELL.status] = 0;
    cells[CELL.mispredicts] = 0;
    cells[CELL.mispredictTicks] = 0;
    cells[CELL.lastLine] = lastLine;
    cells[CELL.l1dMisses] = 0;
    cells[CELL.l2Accesses] = 0;
    this.publish();
    let kind = EXIT_BORDER as number;
    try {
      kind = code.run(b.entry);
    } finally {
      this.running = null;
    }
    mmu.lastEntry = cells[CELL.lastEntry];
    mmu.hierarchy.ringNext = cells[CELL.ringNext];
    return this.settle(code, kind);
  }

  get lastLine(): number {
    return this.cells[CELL.lastLine];
  }

  /** Does a unit run (a helper of it called)? */
  get active(): boolean {
    return this.running !== null;
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

  /** Issue ticks are due that the running unit does not know of. */
  owe(ticks: number): void {
    this.cells[CELL.due] += ticks;
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

  private settle(code: Code, kind: number): boolean {
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
    cpu.predictor.misses += cells[CELL.mispredicts];
    let ticks = cells[CELL.ticks];
    if (kind !== EXIT_BORDER) {
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
    return kind === EXIT_BORDER;
  }

  // ---- helpers ------------------------------------------------------------------------------------------------------

  private insn(at: number): Insn {
    const code = this.running;
    if (!code) throw new Error('no compiled code runs');
    return code.insns[(at >> 8) & 0xff][at & 0xff];
  }

  /** What a helper may have changed, to where compiled code looks. */
  private publish(): void {
    const { cells, cpu, accounting } = this;
    const { mmu } = cpu;
    cells[CELL.epoch] = mmu.epoch;
    cells[CELL.bank] = mmu.frontBank << 4;
    cells[CELL.lastEntry] = mmu.lastEntry;
    cells[CELL.row] = accounting.region << 7;
    cells[CELL.ringNext] = mmu.hierarchy.ringNext;
    const room = this.until[0] - accounting.time[0];
    cells[CELL.limit] = room - cells[CELL.mispredictTicks];
  }

  private begin(due: number, at: number): void {
    const { cells, cpu } = this;
    cells[CELL.due] = due;
    this.at = at;
    cpu.mmu.lastEntry = cells[CELL.lastEntry];
    cpu.mmu.hierarchy.ringNext = cells[CELL.ringNext];
  }

  /** `writes` false: reading changes no code (no device's register does), so what is left of the block stands. */
  private end(status: number, writes = true): void {
    const { cells, cpu } = this;
    this.publish();
    const code = this.running;
    // Another block of the unit may go on to its border, as it does when it is interpreted.
    if (writes && code?.blocks[(this.at >> 8) & 0xff].dropped) status |= STALE;
    if (status !== 0 || code?.valid === false || cpu.leave || !cpu.mmu.fetchHeld) cells[CELL.limit] = -1;
    cells[CELL.status] = status;
  }

  private failed(thrown: unknown): number {
    if (thrown !== this.cpu.fault && thrown !== FROZEN) throw thrown;
    this.thrown = thrown;
    return FAULT;
  }

  private helpers(): Record<Helper, (...args: number[]) => number | undefined> {
    const { cpu } = this;
    const { mmu } = cpu;
    const { hierarchy } = mmu;
    /** For helpers that cannot fail and change nothing but time. */
    const timing = (work: (pa: number) => void) => (pa: number, due: number) => {
      this.cells[CELL.due] = due;
      hierarchy.ringNext = this.cells[CELL.ringNext];
      work(pa);
      this.cells[CELL.ringNext] = hierarchy.ringNext;
      this.limit();
      return undefined;
    };
    return {
      read: (s, offset, size, due, at) => {
        this.begin(due, at);
        let v = 0;
        let status = 0;
        try {
          v = cpu.load(s, offset, size);
          // The unit's constants count it.
          mmu.loads--;
        } catch (thrown) {
          status = this.failed(thrown);
        }
        this.end(status, false);
        return v;
      },
      write: (s, offset, size, value, due, at) => {
        this.begin(due, at & ~LOADED);
        let status = 0;
        try {
          cpu.store(s, offset, size, value);
          mmu.stores--;
        } catch (thrown) {
          status = this.failed(thrown);
          if (at & LOADED) mmu.loads++;
        }
        this.end(status);
        return undefined;
      },
      probe: (s, offset, size, due, at) => {
        this.begin(due, at);
        let status = 0;
        try {
          cpu.probeStore(s, offset, size);
        } catch (thrown) {
          status = this.failed(thrown);
        }
        this.end(status, false);
        return undefined;
      },
      load: timing(pa => hierarchy.load(pa)),
      store: timing(pa => hierarchy.store(pa)),
      fetch: timing(pa => mmu.fetchElsewhere(pa)),
      execute: (at, due) => {
        this.begin(due, at);
        let status = 0;
        try {
          const i = this.insn(at);
          i.exec(cpu, i);
        } catch (thrown) {
          status = this.failed(thrown);
        }
        if (cpu.shape !== this.running?.shape || mmu.strict) status |= STALE;
        this.end(status);
        return undefined;
      },
      general: (at, due) => {
        this.begin(due, at);
        this.thrown = cpu.fault.set(13, 0);
        this.end(FAULT);
        return undefined;
      },
      renumber: entry => {
        (entry < 256 ? mmu.dtlb : mmu.dtlb4m).renumber();
        return undefined;
      },
    };
  }

  /** Time has passed in a helper. */
  private limit(): void {
    const { cells, accounting } = this;
    if (cells[CELL.limit] < 0) return;
    const room = this.until[0] - accounting.time[0];
    cells[CELL.limit] = Math.max(0, room - cells[CELL.mispredictTicks]);
  }

  // ---- compilation --------------------------------------------------------------------------------------------------

  private compile(b: Block): Code | null {
    const { cpu } = this;
    if (cpu.shape < 0 || cpu.mmu.strict || !cpu.codeBig || !cpu.bigStack) return null;
    const blocks = this.reachable(b);
    if (blocks.length === 0) return null;
    const id = ++this.units;
    const accesses = blocks.map(block => block.insns.map(accessesOf));
    const before = (of: { loads: number; stores: number }[], what: 'loads' | 'stores') => {
      const sums = [0];
      for (const a of of) sums.push(sums[sums.length - 1] + a[what]);
      return sums;
    };
    const loads = accesses.map(a => before(a, 'loads'));
    const stores = accesses.map(a => before(a, 'stores'));
    const bytes = translate({ id, blocks, loads, stores }, this.layout, cpu.segmentTops());
    this.moduleBytes += bytes.length;
    const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), this.imports);
    const code: Code = {
      ...{ id, shape: cpu.shape, valid: true, blocks, loads, stores },
      insns: blocks.map(block => block.insns.slice()),
      run: instance.exports.run as Code['run'],
    };
    for (const [n, block] of blocks.entries()) {
      block.code = code;
      block.entry = n;
      block.within.push(code);
      const slot = 2 * ((block.eip ^ (block.eip >>> 12)) & (TARGETS - 1));
      this.layout.targets[slot] = block.eip;
      this.layout.targets[slot + 1] = (id << 8) | n;
    }
    return code;
  }

  /** Blocks of `b`'s page that have run often, and what they lead to; none if `b` cannot be compiled. */
  private reachable(b: Block): Block[] {
    if (!this.fits(b, b)) return [];
    const warm = (o: Block) =>
      o !== b &&
      (o.heat >= Math.min(WARM, this.hot) || o.code !== null) &&
      ((o.lin ^ b.lin) & ~0xfff) === 0 &&
      ((o.eip - b.eip) | 0) === ((o.lin - b.lin) | 0) &&
      o.mode === b.mode &&
      this.fits(o, b);
    const found = [b, ...this.blocks.inPage(b.pa).filter(warm)].slice(0, MAX_BLOCKS);
    let insns = found.reduce((sum, f) => sum + f.insns.length, 0);
    for (let n = 0; n < found.length && found.length < MAX_BLOCKS && insns < MAX_INSNS; n++) {
      for (const eip of successors(found[n])) {
        if (found.some(f => f.eip === eip)) continue;
        const next = this.blocks.beside(b, eip);
        if (!next || !this.fits(next, b) || found.length >= MAX_BLOCKS) continue;
        found.push(next);
        insns += next.insns.length;
      }
    }
    // What was decoded later may have taken an earlier one's place in the table.
    return found.every(f => f.valid) ? found.sort((x, y) => (x.eip >>> 0) - (y.eip >>> 0)) : [];
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
  return b.ends ? (last.row.form.startsWith('INT') ? [last.next] : []) : [b.end];
}
