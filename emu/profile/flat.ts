/**
 * `flat`: one cycle an instruction and nothing else. For debugging, teaching and tests that count instructions.
 * TLBs work (they are architecture) and caches have a geometry, but nothing but an instruction takes time. All its
 * figures are chosen, so each has the source "chosen". TLBs and clock are the Pentium 4's.
 */
import { COST_CLASSES, type CostClass, type Figure, fig, type Profile } from './profile.ts';

const SOURCE = 'chosen';
const zero = fig(0, SOURCE);
const one = fig(1, SOURCE);

export const flat: Profile = {
  name: 'flat',
  description: 'one cycle an instruction, no memory model',
  clockHz: fig(1e9, SOURCE),
  timing: false,
  cpuid: {
    vendor: 'GenuineIntel',
    signature: fig(0x686, 'as p3-1000'),
    brand: 'nooks86 flat',
    descriptors: [0x00005b01, 0, 0, 0x00000040], // DTLB of 64 entries; no L2 or L3
  },
  issue: Object.fromEntries(COST_CLASSES.map(name => [name, one])) as Record<CostClass, Figure>,
  memoryOperand: { load: zero, store: zero, readModifyWrite: zero, lock: zero },
  // A rate of 0 stands for no cost at all.
  rep: { start: zero, moveBytesPerCycle: zero, storeBytesPerCycle: zero, other: zero },
  predictor: {
    counters: fig(16, SOURCE),
    targets: fig(16, SOURCE),
    returns: fig(16, SOURCE),
    mispredict: zero,
  },
  l1i: { size: fig(16384, SOURCE), ways: fig(4, SOURCE), line: fig(64, SOURCE) },
  l1d: {
    size: fig(16384, SOURCE),
    ways: fig(4, SOURCE),
    line: fig(64, SOURCE),
    writeBack: true,
    writeAllocate: true,
  },
  l2: { size: fig(262144, SOURCE), ways: fig(8, SOURCE), line: fig(64, SOURCE), hit: zero, store: zero },
  memory: { random: zero, stream: zero, streams: one },
  storeBuffer: { entries: one },
  itlb: { entries: fig(64, SOURCE), ways: zero },
  dtlb: { entries: fig(64, SOURCE), ways: zero },
  itlb4m: null,
  dtlb4m: null,
  walk: { fixed: zero },
  system: {
    tlbFlush: zero,
    exceptionEntry: zero,
    pageFaultEntry: zero,
    taskSwitch: zero,
    iretOuterRing: zero,
    iretSameRing: zero,
    invlpg: zero,
    haltWake: zero,
    apicRead: zero,
    apicWrite: zero,
  },
  busHz: fig(100e6, SOURCE),
  io: { isaNs: zero, pciReadNs: zero, pciWriteNs: zero, mmioReadNs: zero, mmioWriteNs: zero },
};
