/**
 * Everything that a run is measured by, read from outside at one moment, at no cost to the guest. Two readings
 * subtract. Ticks are quarter cycles; the rest are counts since reset.
 */
import type { Machine } from '../emu/machine.ts';

export interface Counters {
  ticks: number;
  instructions: number;
  matrix: Float64Array;
  instructionTlbMisses: number;
  dataTlbMisses: number;
  switchMisses: number;
  /** Line fetches, and misses among them; accesses and misses of the others. */
  l1iAccesses: number;
  l1i: number;
  l1d: [accesses: number, misses: number];
  l2: [accesses: number, misses: number];
}

export function readCounters(machine: Machine): Counters {
  const { mmu } = machine.cpu;
  const instruction = new Set([mmu.itlb, mmu.itlb4m]);
  const data = new Set([mmu.dtlb, mmu.dtlb4m]);
  const sum = (tlbs: Iterable<{ misses: number }>) => [...tlbs].reduce((n, t) => n + t.misses, 0);
  return {
    ticks: machine.clock.now(),
    instructions: machine.cpu.instructions,
    matrix: machine.accounting.snapshot(),
    instructionTlbMisses: sum(instruction),
    dataTlbMisses: sum(data),
    switchMisses: mmu.tlbs().reduce((n, t) => n + t.switchMisses, 0),
    l1iAccesses: mmu.fetches,
    l1i: mmu.hierarchy.l1i.misses,
    l1d: [mmu.loads + mmu.stores, mmu.hierarchy.l1d.misses],
    l2: [mmu.hierarchy.l2Accesses, mmu.hierarchy.l2.misses],
  };
}

/** What happened between two readings. */
export function difference(from: Counters, to: Counters): Counters {
  const pair = (a: [number, number], b: [number, number]): [number, number] => [b[0] - a[0], b[1] - a[1]];
  return {
    ticks: to.ticks - from.ticks,
    instructions: to.instructions - from.instructions,
    matrix: to.matrix.map((v, i) => v - from.matrix[i]),
    instructionTlbMisses: to.instructionTlbMisses - from.instructionTlbMisses,
    dataTlbMisses: to.dataTlbMisses - from.dataTlbMisses,
    switchMisses: to.switchMisses - from.switchMisses,
    l1iAccesses: to.l1iAccesses - from.l1iAccesses,
    l1i: to.l1i - from.l1i,
    l1d: pair(from.l1d, to.l1d),
    l2: pair(from.l2, to.l2),
  };
}
