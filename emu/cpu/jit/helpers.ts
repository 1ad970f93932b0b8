/** The functions that compiled code calls, in the order of their numbers; jit.ts has their bodies. All take dwords. */
import { I32, type Import } from './wasm.ts';

const ROWS = [
  // (segment, offset, size, due, at): the value, zero-extended; status
  ['read', 5, 1],
  // (segment, offset, size, value, due, at); status
  ['write', 6, 0],
  // (segment, offset, size, due, at): raises the faults of a store; status
  ['probe', 5, 0],
  // (pa, due): a load from a line of L1D that is not the most recent of its set
  ['load', 2, 0],
  // (pa, due): a store to such a line, or another than the last
  ['store', 2, 0],
  // (pa, due): the same for a fetch
  ['fetch', 2, 0],
  // (at, due): the row's executor does it; status
  ['execute', 2, 0],
  // (at, due): #GP(0); status
  ['general', 2, 0],
  // (): stamps of the data TLBs have run out
  ['renumber', 0, 0],
] as const;

export type Helper = (typeof ROWS)[number][0];

const dwords = (n: number) => Array.from({ length: n }, () => I32);

export const IMPORTS: readonly Import[] = ROWS.map(([name, parameters, results]) => ({
  name,
  signature: { parameters: dwords(parameters), results: dwords(results) },
}));

/** Number of each. */
export const HELPERS = Object.fromEntries(ROWS.map(([name], n) => [name, n])) as Record<Helper, number>;

/** In `at` of a store's helper: a load of the same instruction is done and counts, should the store fault. */
export const LOADED = 1 << 30;
