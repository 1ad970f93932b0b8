/** Where in the shared memory compiled code finds the state, and what of the profile it is compiled for. */
import { RAM_OFFSET, type State } from '../../state.ts';
import type { Cpu } from '../cpu.ts';
import type { RepCosts } from '../rep.ts';
import { CELLS, TARGET_SHIFT, TARGETS } from './cells.ts';

/** log2 of the bytes of a row of the matrix. */
export const ROW_SHIFT = 7;

/** A cache as compiled code looks at it: way 0 of a line's set. Byte offset of its tags, and geometry. */
export interface CacheLayout {
  tags: number;
  shift: number;
  setMask: number;
  ways: number;
}

/** Offsets are in bytes from the memory's start. */
export interface Layout {
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
  };
  /** Clocks of the stamps of the data TLBs and of the code TLBs. */
  dataClock: number;
  codeClock: number;
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
  const cells = state.scratch('compiled code', CELLS);
  const { filter } = hierarchy;
  const filterAt = filter.cells.byteOffset;
  const targets = state.scratch('targets', TARGETS << (TARGET_SHIFT - 2));
  return {
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
    },
    dataClock: mmu.dtlb.recency.clock.byteOffset,
    codeClock: mmu.itlb.recency.clock.byteOffset,
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
