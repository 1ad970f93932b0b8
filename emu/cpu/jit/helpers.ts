/**
 * The functions that compiled code calls, in the order of their numbers. Those of the host have their bodies in jit.ts;
 * those that all units share are compiled code themselves (model.ts), and fall back on the host's. All take dwords.
 */
import { I32, type Import } from './wasm.ts';

const HOST = [
  // (lin, access, due, at): the value, zero-extended; status
  ['read', 4, 1],
  // (lin, access, value, due, at); status
  ['write', 5, 0],
  // (lin, access, due, at): raises the faults of a store; status
  ['probe', 4, 0],
  // (pa, due): a fetch of a line of L1I that is not the most recent of its set
  ['fetch', 2, 0],
  // (at, due): the row's executor does it; status
  ['execute', 2, 0],
  // (at, due): #GP(0); status
  ['general', 2, 0],
  // (): stamps of the data TLBs have run out
  ['renumber', 0, 0],
] as const;

const SHARED = [
  // As read, write and probe
  ['load', 4, 1],
  ['store', 5, 0],
  ['check', 4, 0],
  // (at, due, source's base and top, target's, log2 of bytes, EIP, next, cost, of a round): string-rep.ts; status
  ['repMove', 11, 0],
  ['repFill', 11, 0],
  // (CR3): MOV CR3's work; 0 if it is the executor's
  ['directory', 1, 1],
  // (): goes on with the unit that has the block at EIP, or ends the run at this border
  ['dispatch', 0, 1],
  // (): the same behind what leads to a head
  ['head', 0, 1],
  // (due, vector, next EIP): INT n is done, but for the head that follows; or 0, and nothing is
  ['interrupt', 3, 1],
  // (due): the same for IRET
  ['iret', 1, 1],
  // (due, register, selector): MOV to ES, DS, FS or GS is done: 1, or 2 if the unit is not for the segments of now; or 0
  ['segment', 3, 1],
  // (result, carry vector): EFLAGS
  ['flags', 2, 1],
  // (what was popped): POPF's work
  ['popf', 1, 0],
] as const;

export type HostHelper = (typeof HOST)[number][0];
export type SharedHelper = (typeof SHARED)[number][0];

const dwords = (n: number) => Array.from({ length: n }, () => I32);

const imports = (rows: readonly (readonly [string, number, number])[]): Import[] =>
  rows.map(([name, parameters, results]) => ({
    name,
    signature: { parameters: dwords(parameters), results: dwords(results) },
  }));

/** What the shared module imports, and what a unit does: the host's first. */
export const HOST_IMPORTS: readonly Import[] = imports(HOST);
export const IMPORTS: readonly Import[] = imports([...HOST, ...SHARED]);

/** Number of each. */
export const HELPERS = Object.fromEntries([...HOST, ...SHARED].map(([name], n) => [name, n])) as Record<
  HostHelper | SharedHelper,
  number
>;

/** An access to segment `s` of `size` bytes, as one dword. */
export function accessOf(s: number, size: number): number {
  return s | (size << 4);
}

/** In `at` of a store's helper: a load of the same instruction is done and counts, should the store fault. */
export const LOADED = 1 << 30;
