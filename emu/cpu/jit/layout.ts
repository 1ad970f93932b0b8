/** Where in the shared memory compiled code finds the state, and what of the profile it is compiled for. */

import type { Tlb } from '../../mmu/tlb.ts';
import { RAM_OFFSET, type State } from '../../state.ts';
import type { Cpu } from '../cpu.ts';
import type { RepCosts } from '../rep.ts';
import { AT_HAND, AT_HAND_BYTES, CELLS, TARGET_SHIFT, TARGETS } from './cells.ts';

/** log2 of the bytes of a row of the matrix. */
export const ROW_SHIFT = 7;

/** A cache as compiled code looks at it: way 0 of a line's set. Byte offset of its tags, and geometry. */
export interface CacheLayout {
  tags: number;
  shift: number;
  setMask: number;
  ways: number;
}

/** A TLB: numbers of entries, ways, sets less one, dwords of a set in its bit maps; byte offsets of its arrays (mmu/tlb.ts). */
export interface TlbLayout {
  entries: number;
  ways: number;
  setMask: number;
  setWords: number;
  key: number;
  frame: number;
  flags: number;
  cell: number;
  stamps: number;
  twinKey: number;
  twinTag: number;
  twinLink: number;
  counts: number;
  heads: number;
  next: number;
  twinHeads: number;
  twinNext: number;
  vacant: number;
  local: number;
  unpaired: number;
  known: number;
}

function tlbLayout(t: Tlb): TlbLayout {
  const { entries, ways, setMask, setWords } = t;
  return {
    ...{ entries, ways, setMask, setWords },
    key: t.key.byteOffset,
    frame: t.frame.byteOffset,
    flags: t.flags.byteOffset,
    cell: t.cell.byteOffset,
    stamps: t.stamps.byteOffset,
    twinKey: t.twinKey.byteOffset,
    twinTag: t.twinTag.byteOffset,
    twinLink: t.twinLink.byteOffset,
    counts: t.counts.byteOffset,
    heads: t.heads.byteOffset,
    next: t.next.byteOffset,
    twinHeads: t.twinHeads.byteOffset,
    twinNext: t.twinNext.byteOffset,
    vacant: t.vacant.byteOffset,
    local: t.local.byteOffset,
    unpaired: t.unpaired.byteOffset,
    known: t.known.byteOffset,
  };
}
/** What compiled code does inline for the models, part by part. */
export const CHECKS = ['line', 'recency', 'limit', 'clock', 'counts', 'fetch', 'predictor'] as const;
export type Check = (typeof CHECKS)[number];

/** Offsets are in bytes from the memory's start. */
export interface Layout {
  /** Left out of units that are compiled from now on, to measure what they cost. Empty, or the machine is wrong. */
  omit: Set<Check>;
  ram: number;
  registers: number;
  front: number;
  cells: Int32Array;
  cellsAt: number;
  targets: Int32Array;
  targetsAt: number;
  /** The line filter's tags for loads and stores, deltas and entries; log2 of a line's bytes; sets less one; last store. */
  filter: {
    reads: number;
    writes: number;
    delta: number;
    entry: number;
    shift: number;
    mask: number;
    store: number;
    filled: number;
  };
  /** Clocks of the stamps of the data TLBs and of the code TLBs. */
  dataClock: number;
  codeClock: number;
  /** TLBs for data and code, for small and large pages; which are one and the same on some profiles. */
  dtlb: TlbLayout;
  dtlb4m: TlbLayout;
  itlb: TlbLayout;
  itlb4m: TlbLayout;
  /** Walker's `steering` (by STEER), ticks of a walk and of MOV CR3, bytes a page of RAM: attributes and dirty marks. */
  steering: number;
  walkTicks: number;
  flushTicks: number;
  attributes: number;
  dirty: number;
  ramSize: number;
  bigSlots: number;
  bigSlotCount: number;
  /** Walker's `fetching` and `codeFront`. */
  fetching: number;
  codeFront: number;
  /** False: nothing below the TLBs costs a tick. */
  timed: boolean;
  l1i: CacheLayout;
  l1d: CacheLayout;
  l2: CacheLayout;
  writeBack: boolean;
  writeAllocate: boolean;
  /** The matrix, the clock, Hierarchy's timing state; its figures in ticks. */
  matrix: number;
  time: number;
  timing: number;
  /** Accounting.interrupted; what entering and leaving a handler costs, in ticks. */
  interrupted: number;
  entryTicks: number;
  returnOuterTicks: number;
  returnTicks: number;
  /** SegmentedMemory.knownShapes. */
  shapes: number;
  /** What looks.ts has at hand. */
  hand: Int32Array;
  atHand: number;
  streams: number;
  streamCount: number;
  random: number;
  stream: number;
  l2Hit: number;
  l2Store: number;
  /** Cells of cpu/runs.ts; costs of REP. */
  runs: number;
  rep: RepCosts;
  storeEntries: number;
  lastStore: number;
  counters: number;
  counterMask: number;
  targetsOfBranches: number;
  targetMask: number;
  returns: number;
  returnMask: number;
  returnTop: number;
  mispredictTicks: number;
}

export function layoutOf(cpu: Cpu, state: State): Layout {
  const { mmu, predictor } = cpu;
  const { hierarchy } = mmu;
  const cache = (c: typeof hierarchy.l1d): CacheLayout => ({
    tags: c.tags.byteOffset,
    shift: c.lineShift,
    setMask: c.setMask,
    ways: c.ways,
  });
  const dtlb = tlbLayout(mmu.dtlb);
  const itlb = tlbLayout(mmu.itlb);
  const cells = state.scratch('compiled code', CELLS);
  const { filter } = hierarchy;
  const filterAt = filter.cells.byteOffset;
  const hand = state.scratch('descriptors at hand', (AT_HAND * AT_HAND_BYTES) / 4);
  // No unit's and no shape's: what is empty is not block 0 of unit 0 at address 0.
  const targets = state.scratch('targets', TARGETS << (TARGET_SHIFT - 2)).fill(-2);
  return {
    omit: new Set(),
    ram: RAM_OFFSET,
    registers: cpu.r32.byteOffset,
    front: mmu.front.byteOffset,
    cells,
    cellsAt: cells.byteOffset,
    targets,
    targetsAt: targets.byteOffset,
    filter: {
      reads: filterAt,
      writes: filterAt + 4 * filter.sets,
      delta: filterAt + 8 * filter.sets,
      entry: filterAt + 12 * filter.sets,
      shift: filter.shift,
      mask: filter.sets - 1,
      store: filterAt + 4 * filter.store,
      filled: filterAt + 4 * filter.filled,
    },
    dataClock: mmu.dtlb.recency.clock.byteOffset,
    codeClock: mmu.itlb.recency.clock.byteOffset,
    dtlb,
    dtlb4m: mmu.dtlb4m === mmu.dtlb ? dtlb : tlbLayout(mmu.dtlb4m),
    itlb,
    itlb4m: mmu.itlb4m === mmu.itlb ? itlb : tlbLayout(mmu.itlb4m),
    steering: mmu.steering.byteOffset,
    walkTicks: mmu.walkTicks,
    flushTicks: cpu.costs.tlbFlush,
    attributes: mmu.attributes.byteOffset,
    dirty: mmu.dirty.byteOffset,
    ramSize: mmu.ramSize,
    bigSlots: mmu.bigSlots.byteOffset,
    bigSlotCount: mmu.bigSlots.length - 1,
    fetching: mmu.fetching.byteOffset,
    codeFront: mmu.codeFront.byteOffset,
    timed: hierarchy.timed,
    l1i: cache(hierarchy.l1i),
    l1d: cache(hierarchy.l1d),
    l2: cache(hierarchy.l2),
    writeBack: cpu.profile.l1d.writeBack,
    writeAllocate: cpu.profile.l1d.writeAllocate,
    matrix: cpu.accounting.matrix.byteOffset,
    time: cpu.accounting.time.byteOffset,
    timing: hierarchy.timing.byteOffset,
    interrupted: cpu.accounting.interrupted.byteOffset,
    entryTicks: cpu.costs.exceptionEntry,
    returnOuterTicks: cpu.costs.iretOuterRing,
    returnTicks: cpu.costs.iretSameRing,
    hand,
    atHand: hand.byteOffset,
    shapes: cpu.knownShapes.byteOffset,
    streams: hierarchy.streams.byteOffset,
    streamCount: hierarchy.streamCount,
    random: hierarchy.random,
    stream: hierarchy.stream,
    l2Hit: hierarchy.l2Hit,
    l2Store: hierarchy.l2Store,
    runs: cpu.runs.cells.byteOffset,
    rep: cpu.rep,
    storeEntries: hierarchy.storeEntries,
    lastStore: mmu.lastStore.byteOffset,
    counters: predictor.counters.byteOffset,
    counterMask: predictor.counterMask,
    targetsOfBranches: predictor.targets.byteOffset,
    targetMask: predictor.targetMask,
    returns: predictor.returns.byteOffset,
    returnMask: predictor.returnMask,
    returnTop: predictor.top.byteOffset,
    mispredictTicks: cpu.mispredictTicks,
  };
}
