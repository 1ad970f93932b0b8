/**
 * How often bugs of each kind are met in drivers: the field distribution of fault types.
 *
 * The top level is a study of drivers alone: Ryzhyk, Chubb, Kuz, Heiser, "Dingo: taming device drivers", EuroSys 2009,
 * about 500 bugs of Linux drivers by class. Its abstract gives 39 % for protocols with the OS and concurrency together;
 * the split into four (38, 20, 19, 23 %) is from memory. Within a class members share by these counts:
 *
 * - Chou et al., "An empirical study of operating systems errors", SOSP 2001 (Linux 2.4.1; counts from memory): null
 *   124 and inconsistent null 69, range 54, interrupts left off 27, lock 26, use after free 17, size 3. Blocking with a
 *   lock held (206), large stack variables (33) and floating point (10) have no type here.
 * - Mutilin, Novikov, Khoroshilov, "Analysis of typical faults in Linux operating system drivers", ISP RAS 22, 2012
 *   (396 fixes; abstract): races 17 % and leaks of resources 9 % of all typical faults.
 * - Sullivan and Chillarege, FTCS 1991 (abstract): most overlays are small and near the data meant, and come of boundary
 *   conditions and allocation. So overruns and early frees count, and a write to anywhere counts little.
 * - Christmansson and Chillarege, FTCS 1996: errors injected must emulate software faults, not hardware faults. So TEXT,
 *   STACK and HEAP (bits that turn over by themselves) have no weight, and neither has PANIC, which is no bug.
 *
 * Where no study splits a class, members share alike (`even`): that is our choice and no measurement.
 */
import type { FaultTypeName } from '../model.ts';

interface FieldClass {
  name: string;
  /** Percent of all bugs. */
  share: number;
  /** Type and its count within the class. */
  members: Partial<Record<FaultTypeName, number>>;
}

const even = 1;

export const FIELD_CLASSES: readonly FieldClass[] = [
  {
    name: 'device protocol',
    share: 38,
    members: {
      'BAD-DATA': even,
      DMA: even,
      SRC: even,
      DST: even,
      NOP: even,
      BRANCH: even,
      LOOP: even,
      INIT: even,
    },
  },
  // Leaks: 9 of Mutilin's percent; the others share what the class has left.
  {
    name: 'protocol with the OS',
    share: 20,
    members: { LEAK: 9, INTERFACE: 3, ALLOC: 3, FREE: 3, 'DOUBLE-FREE': 2 },
  },
  // Chou's counts; lock order and the other interrupt fault are halves of the same bugs.
  {
    name: 'concurrency',
    share: 19,
    members: { 'LOCK-HELD': 13, 'LOCK-ORDER': 13, 'IRQ-OFF': 14, IRQ: 13 },
  },
  // Chou's counts; the last four rows are ours, below Chou's rarest but for uninitialised data.
  {
    name: 'generic',
    share: 23,
    members: {
      'NULL-CHECK': 193,
      'OFF-BY-ONE': 54,
      'USE-AFTER-FREE': 17,
      BCOPY: 3,
      UNINITIALISED: 27,
      PTR: 17,
      WHILE1: 3,
      DIRECT: 3,
    },
  },
];

/** Share of a type in the field distribution, 0 to 1. */
export function fieldWeight(type: FaultTypeName): number {
  let weight = 0;
  for (const { share, members } of FIELD_CLASSES) {
    const all = Object.values(members).reduce((sum, n) => sum + n, 0);
    weight += ((members[type] ?? 0) / all) * share;
  }
  return weight / 100;
}

/** Picks by weight; `fraction` is 0 up to 1. The weights need not sum to anything, but one must be positive. */
export function pick<T>(items: readonly T[], weights: readonly number[], fraction: number): T {
  const total = weights.reduce((sum, w) => sum + w, 0);
  let left = fraction * total;
  for (let n = 0; n < items.length; n++) {
    left -= weights[n];
    if (left < 0 && weights[n] > 0) return items[n];
  }
  return items[weights.findLastIndex(w => w > 0)];
}
