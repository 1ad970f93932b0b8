/**
 * What a profile's own figures imply for each measurement of bench/guest/calibrate/: closed formulas, in cycles for
 * one operation, written down in docs/calibration.md. They know the rules of emu/mmu/hierarchy.ts and the programs'
 * instructions, and run nothing. Where a point lies between two plateaus (some sets of a cache hold, others do not;
 * tables and data fight for the same sets) there is no closed formula, and none is given.
 */
import type { CostClass, Profile } from '../../emu/profile/profile.ts';
import { fits, missShare, type Shape, shapeOf, steps, tlbShape } from './geometry.ts';

/** A plateau's name and the cost that it should have. */
export interface Implied {
  region: string;
  value: number;
}

/** What a point of a curve should be; null between plateaus. */
export type Formula = (p: Profile, x: number) => Implied | null;

/** Where a line is found. */
export type Place = 'l1' | 'l2' | 'memory';

// ---- the figures, as the engine charges them ------------------------------------------------------------------

/** One instruction of a class without a memory operand; in an untimed profile each is one cycle. */
function issue(p: Profile, cost: CostClass): number {
  return p.timing ? p.issue[cost].value : 1;
}

/** MOV from and to memory that hits L1. */
const load = (p: Profile) => (p.timing ? p.memoryOperand.load.value : 1);
const store = (p: Profile) => (p.timing ? p.memoryOperand.store.value : 1);

/** What an access adds to its issue cost, by where its line is; `stream`: it follows a line of a detected stream. */
export function stall(p: Profile, where: Place, stream = false): number {
  if (!p.timing || where === 'l1') return 0;
  if (where === 'l2') return p.l2.hit.value;
  return stream ? p.memory.stream.value : p.memory.random.value;
}

/** A page walk: its fixed part and a load for each level, by where the entry lies: PDE, then PTE for a 4 KiB page. */
export function walkCost(p: Profile, levels: readonly Place[]): number {
  if (!p.timing) return 0;
  return p.walk.fixed.value + levels.reduce((sum, where) => sum + stall(p, where), 0);
}

const system = (p: Profile, name: keyof Profile['system']) => (p.timing ? p.system[name].value : 0);

// ---- load latency ---------------------------------------------------------------------------------------------

/** A working set that fits, or of which every line misses; between these, undefined. */
function level(shape: Shape, bytes: number, stride: number): boolean | undefined {
  const share = missShare(
    shape,
    steps(0, Math.max(stride, shape.line), bytes / Math.max(stride, shape.line)),
  );
  return share === 0 ? false : share === 1 ? true : undefined;
}

/** Loads that follow one another through `x` bytes, by `stride` or shuffled; paging is off. */
export function latency(stride: number, shuffled: boolean): Formula {
  return (p, x) => {
    const l1 = shapeOf(p.l1d);
    const l2 = shapeOf(p.l2);
    const missL1 = level(l1, x, stride);
    const missL2 = level(l2, x, stride);
    if (missL1 === undefined || missL2 === undefined) return null;
    if (!missL1) return { region: 'L1', value: load(p) };
    // Of the loads, so many enter a new line of L1 and of L2.
    const newL1 = Math.min(1, stride / l1.line);
    const newL2 = Math.min(1, stride / l2.line);
    if (!missL2) return { region: 'L2', value: load(p) + newL1 * stall(p, 'l2') };
    const stream = !shuffled && stride <= l2.line;
    const rest = newL1 - newL2;
    return { region: 'memory', value: load(p) + newL2 * stall(p, 'memory', stream) + rest * stall(p, 'l2') };
  };
}

// ---- TLB reach and walks --------------------------------------------------------------------------------------

const PAGE = 4096;
/** Where the programs' window starts (bench/guest/calibrate/pages.h): byte offsets of its entries in their tables. */
const WINDOW_PDE = (0x60000000 / 2 ** 22) * 4;
const FIRST = 256;
const FIRST_PTE = FIRST * 4;
/** Page tables and frames are apart by whole pages, which is all that an index into L1 sees. */
const DIRECTORY_AT = 0;
const TABLE_AT = 1 << 20;
const FRAMES_AT = 1 << 21;

/** One load in each of `x` pages, each in a line of its own, shuffled. */
export function tlbReach(big: boolean): Formula {
  return (p, x) => {
    const shape = tlbShape(big ? (p.dtlb4m ?? p.dtlb) : p.dtlb);
    const l1 = shapeOf(p.l1d);
    const data = big
      ? [...steps(FRAMES_AT, 64, x)]
      : Array.from({ length: x }, (_, i) => FRAMES_AT + i * PAGE + ((i * 64) % PAGE));
    const first = big ? WINDOW_PDE / 4 : FIRST;
    const missTlb = missShare(shape, steps(first, 1, x));
    const tables = big
      ? [...steps(DIRECTORY_AT + WINDOW_PDE, 4, x)]
      : [DIRECTORY_AT + WINDOW_PDE, ...steps(TABLE_AT + FIRST_PTE, 4, x)];
    if (!fits(l1, missTlb > 0 ? [...data, ...tables] : data)) return null;
    if (missTlb === 0) return { region: 'TLB', value: load(p) };
    const walk = walkCost(p, big ? ['l1'] : ['l1', 'l1']);
    return { region: missTlb < 1 ? 'some sets' : 'walk', value: load(p) + missTlb * walk };
  };
}

/** Bytes between the table entries of tlb.walk's pages, and pages between them. */
const APART = 64;

/** A dependent load (ADD) in each of `x` pages, all of one frame, whose PTEs lie 256 bytes apart. */
export function tlbWalk(p: Profile, x: number): Implied | null {
  const add = p.timing ? p.issue.alu.value + p.memoryOperand.load.value : 1;
  if (missShare(tlbShape(p.dtlb), steps(0, APART, x)) < 1) return null;
  const entries = () => steps(0, APART * 4, x);
  const l1 = missShare(shapeOf(p.l1d), entries());
  const l2 = missShare(shapeOf(p.l2), entries());
  if (l1 < 1 || (l2 > 0 && l2 < 1)) return null;
  // At L2's very capacity the program's own lines push some out.
  if (l2 === 0 && x * APART * 4 * 8 > p.l2.size.value * 7) return null;
  const where = l2 === 0 ? 'l2' : 'memory';
  return { region: `PTE in ${where === 'l2' ? 'L2' : where}`, value: add + walkCost(p, ['l1', where]) };
}

// ---- MOV CR3, traps -------------------------------------------------------------------------------------------

/** MOV CR3 and what the pages used behind it then cost: the code's page and `x` of data, unless they are global. */
export function movCr3(global: boolean): Formula {
  return (p, x) => {
    const walks = global ? 0 : walkCost(p, ['l1']) + x * walkCost(p, ['l1', 'l1']);
    const bare = issue(p, 'movCr3') + system(p, 'tlbFlush');
    return { region: global ? 'bare' : 'with reloads', value: bare + walks };
  };
}

const alone =
  (region: string, value: (p: Profile) => number): Formula =>
  p => ({ region, value: value(p) });

/** INT and the entry; IRET and the return. */
const intIn = (p: Profile) => issue(p, 'gate') + system(p, 'exceptionEntry');
const iretOut = (p: Profile) => issue(p, 'iret') + system(p, 'iretOuterRing');
const iretSame = (p: Profile) => issue(p, 'iret') + system(p, 'iretSameRing');
/** The handler tests EDX. */
const enterIn = (p: Profile) => issue(p, 'sysenter') + issue(p, 'alu') + issue(p, 'branch');
const exitOut = (p: Profile) => issue(p, 'sysexit');
/** The load is issued and its walk finds an absent PTE; the untimed profile takes the load back. */
const faultIn = (p: Profile) => load(p) + walkCost(p, ['l1', 'l1']) + system(p, 'pageFaultEntry');
const update = (p: Profile) => (p.timing ? p.issue.alu.value + p.memoryOperand.readModifyWrite.value : 1);

export const traps = {
  int: alone('there and back', p => intIn(p) + iretOut(p)),
  intRing0: alone('there and back', p => intIn(p) + iretSame(p)),
  sysenter: alone('there and back', p => enterIn(p) + exitOut(p)),
  /** The handler takes the error code off and steps over the load. */
  fault: alone('there and back', p => faultIn(p) + issue(p, 'alu') + update(p) + iretOut(p)),
  entryInt: alone('entry', intIn),
  returnIret: alone('return', iretOut),
  returnIretRing0: alone('return', iretSame),
  /** Two moves and an XOR come before SYSENTER, a move before SYSEXIT and one behind it. */
  entrySysenter: alone('entry', p => 2 * issue(p, 'mov') + issue(p, 'alu') + enterIn(p)),
  returnSysexit: alone('return', p => 2 * issue(p, 'mov') + exitOut(p)),
  entryFault: alone('entry', faultIn),
  invlpg: alone('INVLPG', p => issue(p, 'invlpg') + system(p, 'invlpg')),
};

// ---- context switch -------------------------------------------------------------------------------------------

/** The instructions of switch_to and its call, MOV CR3 with them (bench/guest/calibrate/switch.S). */
function switchPath(p: Profile): number {
  const moves = store(p) + 2 * load(p);
  const stack = issue(p, 'call') + 4 * issue(p, 'push') + 4 * issue(p, 'pop') + issue(p, 'ret');
  return moves + stack + issue(p, 'movCr3') + system(p, 'tlbFlush');
}

/** From one process to another with `x` KiB to read each, less the reading without a switch. */
export function contextSwitch(p: Profile, x: number): Implied | null {
  const bytes = x * 1024;
  const l1 = shapeOf(p.l1d);
  const l2 = shapeOf(p.l2);
  const pages = Math.ceil(bytes / PAGE);
  const tableLines = Math.ceil((pages * 4) / l1.line);
  // Behind the switch: the code's page and the stack's, both 4 MiB, then the data's.
  const walks = 2 * walkCost(p, ['l1']) + pages * walkCost(p, ['l1', 'l1']);
  const path = switchPath(p) + walks;
  // What each process has besides its data, in the sets where the program puts it (index bits only).
  const own = (process: number) => [
    DIRECTORY_AT,
    DIRECTORY_AT + WINDOW_PDE,
    ...steps(FIRST_PTE, 4, pages),
    0x500 + process * 64,
    PAGE - 28,
    PAGE - 4,
  ];
  const both = [0, 1].flatMap(n => [
    ...own(n).map(at => at + n * (1 << 20)),
    ...steps((n + 4) << 20, l1.line, bytes / l1.line),
  ]);
  if (fits(l1, both)) return { region: 'both in L1', value: path };
  const data = (n: number, shape: Shape) => [...steps(n << 20, shape.line, bytes / shape.line)];
  const pair = (shape: Shape) => missShare(shape, [...data(4, shape), ...data(5, shape)]);
  const one = (shape: Shape) => missShare(shape, data(4, shape));
  if (pair(l1) < 1) return null;
  // Two directory entries, the page tables', the stack and the other's record come from where the data come from.
  const others = 4 + tableLines;
  const lines1 = bytes / l1.line;
  const lines2 = bytes / l2.line;
  if (pair(l2) === 0) {
    if (2 * bytes * 8 > p.l2.size.value * 7) return null;
    const refill = others * stall(p, 'l2');
    if (one(l1) === 0) return { region: 'one in L1', value: path + refill + lines1 * stall(p, 'l2') };
    return one(l1) === 1 ? { region: 'both in L2', value: path + refill } : null;
  }
  if (pair(l2) < 1 || one(l2) > 0 || one(l1) < 1) return null;
  const refill = others * stall(p, 'memory') + lines2 * (stall(p, 'memory', true) - stall(p, 'l2'));
  return { region: 'one in L2', value: path + refill };
}

// ---- copy -----------------------------------------------------------------------------------------------------

/** Cycles a byte of a copy of `x` bytes: what the instructions issue, then the lines' stalls. */
function copy(p: Profile, x: number, issued: number, untilStore: number): Implied | null {
  const l1 = shapeOf(p.l1d);
  const l2 = shapeOf(p.l2);
  const from = (shape: Shape) => [...steps(0, shape.line, x / shape.line)];
  const to = (shape: Shape) => [...steps(1 << 20, shape.line, x / shape.line)];
  const both = (shape: Shape) => missShare(shape, [...from(shape), ...to(shape)]);
  // A destination that is not allocated in L1 takes no room there.
  const missL1 = p.l1d.writeAllocate ? both(l1) : missShare(l1, from(l1));
  const missL2 = both(l2);
  if (!p.timing) return { region: 'all', value: issued / x };
  // Near a cache's very capacity the program's own lines push some out.
  const crowded = (p.l1d.writeAllocate ? 2 * x : x) * 8 > p.l1d.size.value * 7;
  if (missL1 === 0) return crowded ? null : { region: 'L1', value: issued / x };
  if (missL1 < 1) return null;
  if (missL2 === 0) {
    if (2 * x * 8 > p.l2.size.value * 7) return null;
    return { region: 'L2', value: issued / x + stall(p, 'l2') / l1.line };
  }
  if (missL2 < 1) return null;
  // The bus is what limits: it fetches a line of the source and one of the destination and writes one back. Only
  // the load waits, from when the write-back is over; source and destination are two sequences.
  const stream = p.memory.streams.value >= 2;
  const line = untilStore + stall(p, 'memory', stream) + 2 * p.memory.stream.value;
  return { region: 'memory', value: line / l2.line };
}

export function copyRep(p: Profile, x: number): Implied | null {
  if (!p.timing) return null;
  const round = 4 / p.rep.moveBytesPerCycle.value;
  return copy(p, x, p.rep.start.value + x / p.rep.moveBytesPerCycle.value, round);
}

export function copyLoop(p: Profile, x: number): Implied | null {
  const round = 4 * (load(p) + store(p)) + 3 * issue(p, 'alu') + issue(p, 'branch');
  // The loop's end is not foreseen.
  return copy(p, x, (x / 16) * round + mispredict(p), load(p) + store(p));
}

// ---- branches -------------------------------------------------------------------------------------------------

/** How often a two-bit counter mispredicts a branch that is taken with probability `p`, each time anew. */
export function twoBitMisses(p: number): number {
  const q = 1 - p;
  const weights = [0, 1, 2, 3].map(n => (p / q) ** n);
  const sum = weights.reduce((a, b) => a + b, 0);
  return (p * (weights[0] + weights[1]) + q * (weights[2] + weights[3])) / sum;
}

const mispredict = (p: Profile) => (p.timing ? p.predictor.mispredict.value : 0);

/** `x` is 256 times the probability. */
export const branchConditional: Formula = (p, x) => ({
  region: 'random',
  value: twoBitMisses(x / 256) * mispredict(p),
});
export const branchIndirect = alone('alternating', mispredict);
