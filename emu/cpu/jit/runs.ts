/** Runs of string rounds (cpu/runs.ts) with their lines in compiled code (strings.ts): what goes in, and what comes out. */
import type { Cpu } from '../cpu.ts';
import { type Lines, RUN, type Runs } from '../runs.ts';
import { CELL } from './cells.ts';
import { type Layout, ROW_SHIFT } from './layout.ts';
import type { StringKind } from './string-runs.ts';

type RunFunction = (a: number, b: number, n: number, shift: number, step: number) => number;

export class CompiledRuns implements Lines {
  private readonly cpu: Cpu;
  private readonly cells: Int32Array;
  private readonly run: Int32Array;
  private readonly headAt: Float64Array;
  private readonly functions: Record<StringKind, RunFunction>;
  /** Does a unit run? Then what is due is in the cells. */
  private readonly inUnit: () => boolean;

  constructor(cpu: Cpu, layout: Layout, functions: Record<string, unknown>, inUnit: () => boolean) {
    this.cpu = cpu;
    this.cells = layout.cells;
    this.run = cpu.runs.cells;
    this.headAt = new Float64Array(this.run.buffer, this.run.byteOffset + 4 * RUN.headAt, 1);
    this.functions = functions as unknown as Record<StringKind, RunFunction>;
    this.inUnit = inUnit;
  }

  lines(n: number, runs: Runs): number {
    const { cpu, cells, run } = this;
    const inUnit = this.inUnit();
    if (!inUnit) {
      cells[CELL.due] = cpu.issue.due;
      cells[CELL.mispredictTicks] = 0;
    }
    cells[CELL.row] = cpu.accounting.region << ROW_SHIFT;
    this.headAt[0] = runs.mayGoOn ? cpu.headAt : -1;
    run[RUN.left] = runs.left;
    run[RUN.uncharged] = runs.uncharged;
    run[RUN.perRound] = runs.perRound;
    run[RUN.cost] = runs.insn?.cost ?? 0;
    run[RUN.only] = runs.only;
    run[RUN.last] = runs.last;
    run[RUN.looked] = runs.looked;
    const { copy, fill, scan, compare } = this.functions;
    const { first, second, shift, step } = runs;
    const rounds = first < 0 ? fill : second < 0 ? scan : runs.stores ? copy : compare;
    const did = rounds(first, second, n, shift, step);
    runs.left = run[RUN.left];
    runs.uncharged = run[RUN.uncharged];
    runs.last = run[RUN.last];
    runs.touches = run[RUN.touches];
    this.tell();
    if (!inUnit) cpu.issue.due = cells[CELL.due];
    return did;
  }

  /** What was counted, to who counts. */
  tell(): void {
    const { run, cpu } = this;
    const { mmu } = cpu;
    mmu.loads += run[RUN.loads];
    mmu.stores += run[RUN.stores];
    mmu.hierarchy.l1d.misses += run[RUN.l1dMisses];
    mmu.hierarchy.l2.misses += run[RUN.l2Misses];
    mmu.hierarchy.l2Accesses += run[RUN.l2Accesses];
    run[RUN.loads] = run[RUN.stores] = 0;
    run[RUN.l1dMisses] = run[RUN.l2Misses] = run[RUN.l2Accesses] = 0;
  }
}
