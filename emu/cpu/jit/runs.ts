/** Runs of string rounds (cpu/runs.ts) with their lines in compiled code (strings.ts): what goes in, and what comes out. */
import type { State } from '../../state.ts';
import type { Cpu } from '../cpu.ts';
import type { Lines, Runs } from '../runs.ts';
import { CELL } from './cells.ts';
import { type Layout, ROW_SHIFT } from './layout.ts';
import { RUN, RUN_CELLS, type StringKind, stringsBytes } from './strings.ts';

type RunFunction = (a: number, b: number, n: number, shift: number, step: number) => number;

export class CompiledRuns implements Lines {
  private readonly cpu: Cpu;
  private readonly cells: Int32Array;
  private readonly run: Int32Array;
  private readonly headAt: Float64Array;
  private readonly functions: Record<StringKind, RunFunction>;
  /** Does a unit run? Then what is due is in the cells. */
  private readonly inUnit: () => boolean;

  constructor(cpu: Cpu, layout: Layout, state: State, units: WebAssembly.Table, inUnit: () => boolean) {
    this.cpu = cpu;
    this.cells = layout.cells;
    this.run = state.scratch('string runs', RUN_CELLS);
    this.headAt = new Float64Array(this.run.buffer, this.run.byteOffset + 4 * RUN.headAt, 1);
    this.inUnit = inUnit;
    const bytes = stringsBytes(layout, this.run.byteOffset);
    const imports = { m: { memory: state.memory, units } };
    const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), imports);
    this.functions = instance.exports as unknown as Record<StringKind, RunFunction>;
  }

  lines(n: number, runs: Runs): number {
    const { cpu, cells, run } = this;
    const { hierarchy } = cpu.mmu;
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
    run[RUN.fraction] = cpu.repFraction;
    run[RUN.cost] = runs.insn?.cost ?? 0;
    run[RUN.only] = runs.only;
    run[RUN.last] = runs.last;
    run[RUN.looked] = runs.looked;
    run[RUN.l1dMisses] = run[RUN.l2Misses] = run[RUN.l2Accesses] = 0;
    const { copy, fill, scan, compare } = this.functions;
    const { first, second, shift, step } = runs;
    const rounds = first < 0 ? fill : second < 0 ? scan : runs.stores ? copy : compare;
    const did = rounds(first, second, n, shift, step);
    runs.left = run[RUN.left];
    runs.uncharged = run[RUN.uncharged];
    cpu.repFraction = run[RUN.fraction];
    runs.last = run[RUN.last];
    runs.touches = run[RUN.touches];
    hierarchy.l1d.misses += run[RUN.l1dMisses];
    hierarchy.l2.misses += run[RUN.l2Misses];
    hierarchy.l2Accesses += run[RUN.l2Accesses];
    if (!inUnit) cpu.issue.due = cells[CELL.due];
    return did;
  }
}
