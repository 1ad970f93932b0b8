/**
 * The units: when a block becomes one, their table of functions and the table of targets, what is forgotten when bytes
 * change, what is taken up again (shelf.ts) and what has to go. Jit (jit.ts), which runs them, is one object with this.
 *
 * A unit is compiled for one shape of the segments, one code mode and paging on or off, by physical and linear address, as
 * its blocks are; privilege and page tables may change, for it looks up each access in the tables of the moment.
 */
import { STRICT } from '../../mmu/mmu.ts';
import type { Block, Blocks } from '../blocks.ts';
import type { Cpu } from '../cpu.ts';
import { EXIT_BORDER, TARGET, TARGET_SHIFT, targetOf } from './cells.ts';
import { Code } from './code.ts';
import { type Layout, ROW_SHIFT } from './layout.ts';
import { entriesOf, fits, reachable } from './region.ts';
import { imagesOf, Shelf } from './shelf.ts';
import { translate } from './translate.ts';

/** Of a target that leads nowhere. */
const NO_SHAPE = -2;
/** Units.hot, but in tests. */
const HOT = 8000;
/** Bits of Cpu.shape. */
const SHAPE_BITS = 24;
const TABLE_STEP = 256;
/** Doublings of `hot` for a page that has units, at most. */
const MAX_DELAY = 6;

export abstract class Units {
  /** Times that a block is interpreted before it is compiled. */
  hot = HOT;
  /** Units made, and the bytes of their modules. */
  units = 0;
  moduleBytes = 0;
  /** A clock of the host, in milliseconds; and what making units has taken by it. */
  now: () => number = () => 0;
  milliseconds = 0;
  protected readonly cpu: Cpu;
  protected readonly layout: Layout;
  protected readonly table = new WebAssembly.Table({ element: 'anyfunc', initial: TABLE_STEP });
  /** What a unit's module imports. */
  protected abstract readonly imports: WebAssembly.Imports;
  /** By their number. */
  protected readonly codes: Code[] = [];
  private readonly blocks: Blocks;
  /** Units compiled and not dropped because bytes changed, by page of their code. */
  private readonly made = new Map<number, number>();
  /** Numbers that may be given again. */
  private readonly free: number[] = [];
  private readonly shelf: Shelf<Code>;

  constructor(cpu: Cpu, blocks: Blocks, layout: Layout) {
    this.cpu = cpu;
    this.blocks = blocks;
    this.layout = layout;
    this.shelf = new Shelf(cpu.mmu.ram8);
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

  private compile(b: Block): Code | null {
    const { cpu } = this;
    const { shape } = this;
    if (shape < 0 || !cpu.codeBig || !cpu.bigStack || !fits(b, b, cpu.mmu.ramSize)) return null;
    const blocks = reachable(b, this.blocks.inPage(b.pa), this.hot, cpu.mmu.ramSize);
    const id = this.free.pop() ?? this.codes.length;
    const code = new Code(id, shape, blocks, dropped => this.forget(dropped));
    const entries = entriesOf(blocks, b);
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
    if (!blocks.every(o => o !== null && fits(o, b, this.cpu.mmu.ramSize))) {
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
}
