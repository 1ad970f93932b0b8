/**
 * Pentium 4 (Willamette) at 1.7 GHz, the machine of the Nooks paper. Sources by letter: see profile.ts and
 * docs/profiles.md. The trace cache is modelled as an instruction cache of 16 KiB; see docs/caveats.md.
 */
import { COST_CLASSES, type CostClass, type Figure, fig, type Profile } from './profile.ts';

const D = 'D: not measured apart; taken as the nearest measured class';
const costs: Partial<Record<CostClass, Figure>> = {
  mov: fig(0.5, 'I', [0.5, 0.5]),
  alu: fig(0.5, 'I', [0.5, 0.5]),
  adc: fig(7, 'I', [6, 8]),
  shift: fig(4, 'I', [4, 4]),
  shiftCl: fig(6, 'I', [6, 6]),
  rotateCarry: fig(6, D, [4, 20]),
  doubleShift: fig(14, 'M', [10, 20]),
  lea: fig(0.5, 'I: unscaled; a scaled index adds as a shift does', [0.5, 4]),
  imul: fig(15, 'I', [14, 15]),
  mul: fig(18, 'I', [16, 18]),
  div: fig(57, 'I', [50, 60]),
  bitScan: fig(8, 'I', [8, 16]),
  bitTest: fig(4, D, [4, 9]),
  setcc: fig(5, 'M', [1.5, 5]),
  cmov: fig(6, 'M', [5, 6]),
  bswap: fig(7, 'M', [7, 7]),
  xchg: fig(1.5, 'M', [1.5, 1.5]),
  cmpxchg: fig(6, 'M', [6, 14]),
  push: fig(2, 'I: throughput', [1.5, 2]),
  pop: fig(1, 'I: throughput', [1, 2]),
  pusha: fig(19, 'M', [10, 30]),
  popa: fig(14, 'M', [14, 30]),
  pushf: fig(12, 'I: 64 for PUSHFD and POPFD', [4, 20]),
  popf: fig(52, 'I: 64 for PUSHFD and POPFD', [44, 60]),
  enter: fig(30, 'M', [20, 45]),
  leave: fig(3, 'M', [3, 4]),
  branch: fig(1, 'M', [0.5, 2]),
  call: fig(2.5, 'M: 5 for CALL and RET', [2, 4]),
  ret: fig(2.5, 'M: 5 for CALL and RET', [2, 8]),
  string: fig(4, 'M', [4, 6]),
  flagSet: fig(0.5, D, [0.5, 10]),
  cld: fig(50, 'I', [48, 52]),
  lahf: fig(92, 'I: LAHF with SAHF', [10, 92]),
  bcd: fig(30, 'M', [20, 60]),
  cli: fig(36, 'M', [30, 50]),
  movSeg: fig(14, 'M', [14, 30]),
  movFromSeg: fig(2, 'M', [1, 4]),
  farBranch: fig(50, 'M', [30, 100]),
  gate: fig(0, 'the entry cost is charged apart'),
  iret: fig(0, 'the whole cost is system.iretOuterRing or iretSameRing'),
  sysenter: fig(100, 'M: 140–250 for SYSENTER and SYSEXIT', [70, 130]),
  sysexit: fig(80, 'M: 140–250 for SYSENTER and SYSEXIT', [60, 120]),
  movCrRead: fig(12, 'M', [5, 40]),
  movCr: fig(100, 'M', [60, 350]),
  movDr: fig(20, 'M', [10, 40]),
  movCr3: fig(0, 'the whole cost is system.tlbFlush'),
  invlpg: fig(0, 'the whole cost is system.invlpg'),
  descriptorTable: fig(100, 'L: LLDT 100', [40, 150]),
  loadTask: fig(100, 'L', [60, 150]),
  verify: fig(60, 'M', [20, 100]),
  cpuid: fig(260, 'I', [256, 264]),
  rdtsc: fig(80, 'I', [80, 84]),
  rdpmc: fig(80, D, [60, 120]),
  rdmsr: fig(150, 'M', [100, 400]),
  wrmsr: fig(400, 'M', [400, 1000]),
  wbinvd: fig(2000, 'M', [2000, 1e6]),
  hlt: fig(0.5, D, [0.5, 20]),
  io: fig(10, 'M: apart from the time on the bus', [5, 30]),
  undefined: fig(0, 'the exception is charged apart'),
};

function allCosts(): Record<CostClass, Figure> {
  const all = {} as Record<CostClass, Figure>;
  for (const name of COST_CLASSES) {
    const figure = costs[name];
    if (!figure) throw new Error(`p4-1700 has no cost for ${name}`);
    all[name] = figure;
  }
  return all;
}

export const p4: Profile = {
  name: 'p4-1700',
  description: 'Intel Pentium 4 (Willamette) 1.7 GHz, the machine of the Nooks paper',
  clockHz: fig(1.7e9, 'S: the paper’s machine'),
  timing: true,
  cpuid: {
    vendor: 'GenuineIntel',
    signature: fig(0xf13, 'C'),
    brand: 'Intel(R) Pentium(R) 4 CPU 1700MHz',
    // 50 ITLB 64, 5B DTLB 64, 66 L1D 8K; 70 trace cache 12K, 7A L2 256K, 40 no L3 (C; order as F13 reports it).
    descriptors: [0x665b5001, 0, 0, 0x007a7040],
  },
  issue: allCosts(),
  memoryOperand: {
    load: fig(2, 'I: L1 load-to-use', [2, 2]),
    store: fig(0.5, 'D: one store a cycle at half a cycle’s issue', [0.5, 2]),
    readModifyWrite: fig(8.5, 'I: add [m],r is 9', [8, 9]),
    lock: fig(115, 'I: LOCK ADD 124, XCHG [m] 125', [110, 125]),
  },
  rep: {
    start: fig(20, 'M', [10, 60]),
    moveBytesPerCycle: fig(7.4, 'I', [4, 8]),
    storeBytesPerCycle: fig(4.3, 'I', [4, 8]),
    other: fig(4, 'M: CMPS, SCAS, LODS, a round', [2, 8]),
  },
  predictor: {
    counters: fig(4096, 'N: 4K-entry branch target buffer'),
    targets: fig(4096, 'N: 4K-entry branch target buffer'),
    returns: fig(16, 'M', [8, 16]),
    mispredict: fig(20, 'M', [20, 24]),
  },
  l1i: {
    size: fig(16384, 'D: 12K uops of about 1.4 bytes an instruction byte', [8192, 18432]),
    ways: fig(8, 'I'),
    line: fig(64, 'I'),
  },
  l1d: {
    size: fig(8192, 'I'),
    ways: fig(4, 'I'),
    line: fig(64, 'I'),
    writeBack: false,
    writeAllocate: false,
  },
  l2: {
    size: fig(262144, 'I'),
    ways: fig(8, 'I'),
    line: fig(128, 'N: C says two lines of 64 a sector', [64, 128]),
    hit: fig(16, 'I: 18 load-to-use less the 2 of L1', [16, 18]),
    store: fig(4, 'M', [2, 8]),
  },
  memory: {
    random: fig(350, 'I: 350–370', [250, 370]),
    stream: fig(110, 'D: 128 bytes at 2 GB/s of PC800’s 3.2', [70, 250]),
    streams: fig(8, 'N: eight hardware prefetch streams'),
  },
  storeBuffer: { entries: fig(24, 'N') },
  itlb: { entries: fig(64, 'C'), ways: fig(0, 'M: 0 is fully associative', [0, 4]) },
  dtlb: { entries: fig(64, 'C'), ways: fig(0, 'M: 0 is fully associative', [0, 4]) },
  itlb4m: null,
  dtlb4m: null,
  walk: { fixed: fig(25, 'D', [20, 31]) },
  system: {
    tlbFlush: fig(350, 'T: 516 measured less three reloads', [350, 516]),
    exceptionEntry: fig(1348, 'T', [800, 1348]),
    pageFaultEntry: fig(1225, 'M', [1100, 1350]),
    taskSwitch: fig(1500, 'M', [800, 3000]),
    iretOuterRing: fig(923, 'T: to user mode, with the refills that T could not take out', [400, 923]),
    iretSameRing: fig(523, 'D: to user mode less the stack and segment reload', [323, 723]),
    invlpg: fig(400, 'M: 300–500', [300, 500]),
    haltWake: fig(20, 'M', [10, 100]),
    apicRead: fig(100, 'M: uncached, on the die', [50, 200]),
    apicWrite: fig(50, 'M: uncached, on the die', [20, 100]),
  },
  busHz: fig(100e6, 'D: the 1.7 GHz are 17 times it; the bus makes four transfers a clock', [99.5e6, 100e6]),
  io: {
    isaNs: fig(1000, 'M', [700, 1500]),
    pciReadNs: fig(400, 'M', [300, 500]),
    pciWriteNs: fig(300, 'M: OUT waits for completion', [200, 500]),
    mmioReadNs: fig(400, 'M: a read across PCI', [300, 600]),
    mmioWriteNs: fig(60, 'M: posted', [30, 100]),
  },
};
