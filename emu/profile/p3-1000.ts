/**
 * Pentium III (Coppermine) at 1 GHz: short pipeline, cheap kernel entry, write-back caches. Sources by letter: see
 * profile.ts and docs/profiles.md. "I" figures are of models 683 and 686.
 */
import { COST_CLASSES, type CostClass, type Figure, fig, type Profile } from './profile.ts';

const D = 'D: not measured apart; taken as the nearest measured class';
const costs: Partial<Record<CostClass, Figure>> = {
  // Three uops a cycle: dependent code pays the latency of 1, so the mean of straight code lies between.
  mov: fig(0.5, 'D: latency 1 (I), three a cycle', [0.25, 1]),
  alu: fig(0.5, 'D: latency 1 (I), two a cycle', [0.5, 1]),
  adc: fig(2, 'I', [2, 2]),
  shift: fig(1, 'I', [1, 1]),
  shiftCl: fig(1, 'I', [1, 1]),
  rotateCarry: fig(2, D, [2, 9]),
  doubleShift: fig(2, 'M', [2, 4]),
  lea: fig(0.5, 'D: latency 1 (I), one a cycle', [0.5, 1]),
  imul: fig(4, 'I', [4, 4]),
  mul: fig(5, 'I', [4, 5]),
  div: fig(39, 'I', [37, 39]),
  bitScan: fig(2, 'I', [2, 2]),
  bitTest: fig(1, D, [1, 2]),
  setcc: fig(1, 'M', [1, 1]),
  cmov: fig(2, 'M', [1, 2]),
  bswap: fig(2, 'M', [1, 2]),
  xchg: fig(1.5, 'M', [1, 2]),
  cmpxchg: fig(6, 'M', [5, 9]),
  push: fig(1, 'I: throughput', [1, 1]),
  pop: fig(1, 'I: throughput', [1, 1]),
  pusha: fig(9, 'M', [8, 11]),
  popa: fig(8, 'M', [8, 10]),
  pushf: fig(5, 'I: 22 for PUSHFD and POPFD', [3, 7]),
  popf: fig(17, 'I: 22 for PUSHFD and POPFD', [15, 19]),
  enter: fig(18, 'M', [12, 25]),
  leave: fig(2, 'M', [2, 3]),
  branch: fig(1, 'M', [0.5, 2]),
  call: fig(1.5, 'M: 3 for CALL and RET', [1, 2]),
  ret: fig(1.5, 'M: 3 for CALL and RET', [1, 3]),
  string: fig(3, 'M', [2, 5]),
  flagSet: fig(0.5, D, [0.5, 1]),
  cld: fig(6, 'I', [4, 6]),
  lahf: fig(1, 'I', [1, 1]),
  bcd: fig(10, 'M', [5, 20]),
  cli: fig(10, 'M', [7, 17]),
  movSeg: fig(8, 'M', [8, 18]),
  movFromSeg: fig(1, 'M', [1, 2]),
  farBranch: fig(25, 'M', [20, 50]),
  gate: fig(0, 'the entry cost is charged apart'),
  iret: fig(0, 'the whole cost is system.iretOuterRing or iretSameRing'),
  sysenter: fig(40, 'M: 60–80 for SYSENTER and SYSEXIT', [30, 50]),
  sysexit: fig(30, 'M: 60–80 for SYSENTER and SYSEXIT', [25, 40]),
  movCrRead: fig(5, 'M', [2, 15]),
  movCr: fig(40, 'M', [20, 100]),
  movDr: fig(15, 'M', [10, 30]),
  movCr3: fig(0, 'the whole cost is system.tlbFlush'),
  invlpg: fig(0, 'the whole cost is system.invlpg'),
  descriptorTable: fig(30, 'M: LLDT 30', [10, 50]),
  loadTask: fig(30, 'M', [20, 50]),
  verify: fig(20, 'M', [10, 40]),
  cpuid: fig(79, 'I: 79–106', [79, 106]),
  rdtsc: fig(30, 'I', [30, 33]),
  rdpmc: fig(30, D, [25, 50]),
  rdmsr: fig(80, 'M', [50, 150]),
  wrmsr: fig(150, 'M', [80, 300]),
  wbinvd: fig(2000, 'M: apart from the writing back', [2000, 1e6]),
  hlt: fig(0.5, D, [0.5, 10]),
  io: fig(5, 'M: apart from the time on the bus', [3, 20]),
  undefined: fig(0, 'the exception is charged apart'),
};

function allCosts(): Record<CostClass, Figure> {
  const all = {} as Record<CostClass, Figure>;
  for (const name of COST_CLASSES) {
    const figure = costs[name];
    if (!figure) throw new Error(`p3-1000 has no cost for ${name}`);
    all[name] = figure;
  }
  return all;
}

export const p3: Profile = {
  name: 'p3-1000',
  description: 'Intel Pentium III (Coppermine) 1 GHz',
  clockHz: fig(1e9, 'C'),
  timing: true,
  cpuid: {
    vendor: 'GenuineIntel',
    signature: fig(0x686, 'C'),
    brand: 'Intel(R) Pentium(R) III CPU 1000MHz',
    // 01 ITLB 32, 02 ITLB 4M 2, 03 DTLB 64; 82 L2 256K, 08 L1I 16K, 04 DTLB 4M 8, 0C L1D 16K (C).
    descriptors: [0x03020101, 0, 0, 0x0c040882],
  },
  issue: allCosts(),
  memoryOperand: {
    load: fig(1, 'D: latency 3 (I), one a cycle, partly hidden', [1, 3]),
    store: fig(1, 'M: one a cycle', [1, 1]),
    readModifyWrite: fig(5, 'I: add [m],r is 6', [5, 5]),
    lock: fig(15, 'I: LOCK ADD 21, XCHG [m] 20', [14, 15]),
  },
  rep: {
    start: fig(12, 'M', [6, 30]),
    moveBytesPerCycle: fig(9, 'I', [4, 9]),
    storeBytesPerCycle: fig(5.7, 'I', [4, 6]),
    other: fig(3, 'M: CMPS, SCAS, LODS, a round', [2, 6]),
  },
  predictor: {
    counters: fig(512, 'M: 512-entry branch target buffer', [256, 1024]),
    targets: fig(512, 'M: 512-entry branch target buffer', [256, 1024]),
    returns: fig(16, 'M', [8, 16]),
    mispredict: fig(12, 'M', [10, 15]),
  },
  l1i: { size: fig(16384, 'C'), ways: fig(4, 'C'), line: fig(32, 'C') },
  l1d: {
    size: fig(16384, 'C'),
    ways: fig(4, 'C'),
    line: fig(32, 'C'),
    writeBack: true,
    writeAllocate: true,
  },
  l2: {
    size: fig(262144, 'C'),
    ways: fig(8, 'C'),
    line: fig(32, 'C'),
    hit: fig(10, 'I: 13 load-to-use less the 3 of L1', [4, 10]),
    store: fig(2, 'M', [1, 4]),
  },
  memory: {
    random: fig(110, 'I: 86–125', [86, 125]),
    stream: fig(40, 'D: 32 bytes at 0.8 GB/s of PC133’s 1.06', [30, 60]),
    streams: fig(1, 'D: no hardware prefetch; open pages of the SDRAM help one sequence', [1, 4]),
  },
  storeBuffer: { entries: fig(12, 'M', [8, 16]) },
  itlb: { entries: fig(32, 'C'), ways: fig(4, 'C') },
  dtlb: { entries: fig(64, 'C'), ways: fig(4, 'C') },
  itlb4m: { entries: fig(2, 'C'), ways: fig(0, 'C') },
  dtlb4m: { entries: fig(8, 'C'), ways: fig(4, 'C') },
  walk: { fixed: fig(3, 'D: 5–7 with the loads', [2, 5]) },
  system: {
    tlbFlush: fig(150, 'T: 177 with reloads, about 150 bare', [150, 177]),
    exceptionEntry: fig(227, 'T: a P2', [180, 260]),
    pageFaultEntry: fig(250, 'M', [200, 300]),
    taskSwitch: fig(300, 'M', [200, 600]),
    iretOuterRing: fig(180, 'T: a P2', [150, 200]),
    iretSameRing: fig(100, 'D: to user mode less the stack and segment reload', [60, 150]),
    invlpg: fig(100, 'M', [60, 150]),
    haltWake: fig(10, 'M', [5, 50]),
    apicRead: fig(40, 'M: uncached, on the die', [20, 80]),
    apicWrite: fig(20, 'M: uncached, on the die', [10, 40]),
  },
  busHz: fig(
    133_333_333,
    'D: 7.5 times 133 MHz, as PC133 memory goes with; 10 times 100 also existed',
    [100e6, 133_333_333],
  ),
  io: {
    isaNs: fig(1000, 'M', [700, 1500]),
    pciReadNs: fig(400, 'M', [300, 500]),
    pciWriteNs: fig(300, 'M: OUT waits for completion', [200, 500]),
    mmioReadNs: fig(400, 'M: a read across PCI', [300, 600]),
    mmioWriteNs: fig(60, 'M: posted', [30, 100]),
  },
};
