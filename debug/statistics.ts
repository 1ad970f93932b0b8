/** What happened since the last look: the cause × region matrix and the counters. */
import { CAUSES, MAX_REGIONS } from '../emu/accounting.ts';
import { REGIONS } from '../guest/regions.ts';
import type { Target } from './target.ts';
import { cyclesOf, group, table } from './text.ts';

/** Every number that a look compares. */
interface Reading {
  cells: number[];
  counters: [name: string, value: number][];
  ticks: number;
}

/** Remembers the last look; part of the debugger, not of the machine. */
export class Statistics {
  private readonly target: Target;
  private last: Reading;

  constructor(target: Target) {
    this.target = target;
    this.last = reading(target);
  }

  /** The differences since the last look (`fresh` false: since reset, and nothing is remembered). */
  text(fresh = true): string {
    const now = reading(this.target);
    // A look at what is the future now is none.
    const known = fresh && this.last.ticks <= now.ticks;
    const old = known ? this.last : undefined;
    if (fresh) this.last = now;
    const cell = (region: number, cause: number) => {
      const at = region * CAUSES.length + cause;
      return now.cells[at] - (old?.cells[at] ?? 0);
    };
    const counters = now.counters.map(([name, value], n) => [
      name,
      group(value - (old?.counters[n][1] ?? 0)),
    ]);
    const ticks = now.ticks - (old?.ticks ?? 0);
    return `${cyclesOf(ticks)} cycles ${known ? 'since the last look' : 'since reset'}\n${this.matrix(cell)}${table(counters)}`;
  }

  private matrix(cell: (region: number, cause: number) => number): string {
    const names = this.target.session ? REGIONS : ['guest'];
    const regions = Array.from({ length: MAX_REGIONS }, (_, r) => r).filter(r =>
      CAUSES.some((_, c) => cell(r, c)),
    );
    const causes = CAUSES.map((_, c) => c).filter(c => regions.some(r => cell(r, c)));
    if (regions.length === 0) return '';
    const sum = (list: readonly number[], f: (n: number) => number) => list.reduce((s, n) => s + f(n), 0);
    const row = (name: string, f: (cause: number) => number) => [
      name,
      ...causes.map(c => cyclesOf(f(c))),
      cyclesOf(sum(causes, f)),
    ];
    return table([
      ['cycles', ...causes.map(c => CAUSES[c]), 'all'],
      ...regions.map(r => row(names[r] ?? `region ${r}`, c => cell(r, c))),
      ...(regions.length > 1 ? [row('all', c => sum(regions, r => cell(r, c)))] : []),
    ]);
  }
}

function reading(target: Target): Reading {
  const { machine } = target;
  const { cpu, accounting } = machine;
  const { mmu } = cpu;
  const { l1i, l1d, l2 } = mmu.hierarchy;
  const cells: number[] = [];
  for (let r = 0; r < MAX_REGIONS; r++)
    for (let c = 0; c < CAUSES.length; c++) cells.push(accounting.cell(r, c));
  const tlbs = mmu.tlbs().flatMap((tlb): [string, number][] => [
    [`${tlb.name} misses`, tlb.misses],
    [`${tlb.name} misses by switches`, tlb.switchMisses],
  ]);
  return {
    cells,
    ticks: machine.clock.now(),
    counters: [
      ['instructions', cpu.instructions],
      ['exceptions and interrupts', cpu.deliveries],
      ['loads', mmu.loads],
      ['stores', mmu.stores],
      ...tlbs,
      ['l1i misses', l1i.misses],
      ['l1d misses', l1d.misses],
      ['l2 accesses', mmu.hierarchy.l2Accesses],
      ['l2 misses', l2.misses],
    ],
  };
}
