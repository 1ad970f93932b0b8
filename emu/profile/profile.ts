/**
 * What a machine profile is: geometry and latencies as data, each figure with its source and range.
 * Times are in CPU cycles unless the name says otherwise; a fraction must be a whole number of quarter cycles.
 */
import { log2 } from '../bits.ts';

/** A number with where it comes from; `range` is what measurements and sources disagree over. */
export interface Figure {
  value: number;
  source: string;
  range?: readonly [number, number];
}

/** Sources: see docs/profiles.md. I InstLatx64, C CPUID leaves, N NetBurst paper, T measured notes, L Linux, D derived, M from memory. */
export function fig(value: number, source: string, range?: readonly [number, number]): Figure {
  return range ? { value, source, range } : { value, source };
}

/** Issue-cost classes: the cost of an instruction's register form, and what its memory operand adds. */
export const COST_CLASSES = [
  'mov', // MOV, MOVZX, NOP, CBW, FLAGS-free moves
  'alu', // ADD, SUB, logic, CMP, TEST, INC, DEC
  'adc', // ADC, SBB
  'shift', // shift or rotate by an immediate or 1
  'shiftCl', // shift or rotate by CL
  'rotateCarry', // RCL, RCR
  'doubleShift', // SHLD, SHRD
  'lea',
  'imul',
  'mul',
  'div',
  'bitScan',
  'bitTest',
  'setcc',
  'cmov',
  'bswap',
  'xchg',
  'cmpxchg',
  'push',
  'pop',
  'pusha',
  'popa',
  'pushf',
  'popf',
  'enter',
  'leave',
  'branch', // JMP, Jcc, LOOPcc, JCXZ
  'call',
  'ret',
  'string', // one round without REP
  'flagSet', // CLC, STC, CMC
  'cld', // CLD, STD
  'lahf',
  'bcd',
  'cli', // CLI, STI
  'movSeg', // loads of a segment register
  'movFromSeg',
  'farBranch',
  'gate', // INT n without the entry cost
  'iret', // IRET without what the profile's system figures charge
  'sysenter',
  'sysexit',
  'movCrRead',
  'movCr', // writes of CR0, CR2, CR4
  'movDr',
  'movCr3',
  'invlpg',
  'descriptorTable', // LGDT, LIDT, SGDT, SIDT, SLDT, STR, SMSW, LMSW
  'loadTask', // LTR, LLDT
  'verify', // LAR, LSL, VERR, VERW, ARPL
  'cpuid',
  'rdtsc',
  'rdpmc',
  'rdmsr',
  'wrmsr',
  'wbinvd',
  'hlt',
  'io', // IN, OUT apart from the bus's time
  'undefined',
  'fld', // FLD of 32 and 64 bits and of a register
  'fldExtended',
  'fild',
  'fbld',
  'fconst', // FLD1, FLDPI and so on
  'fst', // FST and FSTP of 32 and 64 bits and to a register
  'fstExtended',
  'fist',
  'fbstp',
  'fxch',
  'fcmov',
  'fsign', // FCHS, FABS
  'fadd',
  'fmul',
  'fdiv',
  'fsqrt',
  'fcom', // FCOM, FUCOM, FTST
  'fcomi',
  'fxam',
  'fprem',
  'frndint',
  'fscale',
  'fxtract',
  'fsin', // FSIN, FCOS
  'fsincos',
  'ftan',
  'fatan',
  'fexp', // F2XM1
  'flog', // FYL2X, FYL2XP1
  'fnop', // FNOP, FINCSTP, FDECSTP, FFREE
  'fwait',
  'fldcw',
  'fnstcw',
  'fnstsw',
  'fnclex',
  'fninit',
  'fldenv',
  'fnstenv',
  'fnsave',
  'frstor',
] as const;
export type CostClass = (typeof COST_CLASSES)[number];

export interface CacheGeometry {
  size: Figure; // bytes
  ways: Figure;
  line: Figure; // bytes
}

export interface TlbGeometry {
  entries: Figure;
  ways: Figure; // 0: fully associative
}

export interface Profile {
  name: string;
  description: string;
  clockHz: Figure;
  /** False: one cycle an instruction and nothing else; no caches, TLB misses cost nothing. */
  timing: boolean;
  /** `descriptors`: EAX, EBX, ECX, EDX of CPUID leaf 2, the cache and TLB descriptors. */
  cpuid: {
    vendor: string;
    signature: Figure;
    brand: string;
    descriptors: readonly [number, number, number, number];
  };
  issue: Record<CostClass, Figure>;
  /** Added to the issue cost by a memory source, a memory destination, and a read-modify-write. */
  memoryOperand: { load: Figure; store: Figure; readModifyWrite: Figure; lock: Figure };
  /** REP string instructions: start, and bytes a cycle for moves and for stores (others: `other` cycles a round). */
  rep: { start: Figure; moveBytesPerCycle: Figure; storeBytesPerCycle: Figure; other: Figure };
  predictor: { counters: Figure; targets: Figure; returns: Figure; mispredict: Figure };
  l1i: CacheGeometry;
  l1d: CacheGeometry & { writeBack: boolean; writeAllocate: boolean };
  /** `hit`: extra cycles of an access that misses L1 and hits L2; `store`: cycles that a store occupies it. */
  l2: CacheGeometry & { hit: Figure; store: Figure };
  /** `random`: load-to-use of a line out of order; `stream`: a line of a detected stream, also the bus time of a line. */
  memory: { random: Figure; stream: Figure; streams: Figure };
  storeBuffer: { entries: Figure };
  itlb: TlbGeometry;
  dtlb: TlbGeometry;
  /** 4 MiB pages share the entries of the 4 KiB ones when null. */
  itlb4m: TlbGeometry | null;
  dtlb4m: TlbGeometry | null;
  /** Fixed part of a page walk; the loads of PDE and PTE are added by the cache model. */
  walk: { fixed: Figure };
  system: {
    tlbFlush: Figure; // part of MOV CR3 that is charged to the cause tlbFlush
    exceptionEntry: Figure; // INT, IRQ and exceptions that change or keep the ring
    pageFaultEntry: Figure;
    taskSwitch: Figure;
    iretOuterRing: Figure; // IRET with a change of ring (the issue cost of `iret` comes on top)
    iretSameRing: Figure;
    invlpg: Figure; // charged to the cause tlbFlush
    haltWake: Figure;
    apicRead: Figure; // an access to the local APIC's registers, on the die but uncached
    apicWrite: Figure;
  };
  /** The processor's bus clock: what the local APIC's timer counts. */
  busHz: Figure;
  /** A single access, in nanoseconds. */
  io: { isaNs: Figure; pciReadNs: Figure; pciWriteNs: Figure; mmioReadNs: Figure; mmioWriteNs: Figure };
}

/** Says what is wrong with a profile's geometry; throws a RangeError. Called once, when a machine is built. */
export function checkProfile(p: Profile): void {
  for (const [name, c] of [
    ['l1i', p.l1i],
    ['l1d', p.l1d],
    ['l2', p.l2],
  ] as const) {
    log2(c.line.value);
    if (!Number.isInteger(c.size.value / (c.line.value * c.ways.value)))
      throw new RangeError(`${name}: size is not sets × ways × line`);
    log2(c.size.value / (c.line.value * c.ways.value));
  }
  for (const [name, f] of Object.entries(p.issue))
    if (!Number.isInteger(f.value * 4) || f.value < 0)
      throw new RangeError(`issue cost of ${name} is not a whole number of quarter cycles`);
  for (const t of [p.itlb, p.dtlb, p.itlb4m, p.dtlb4m]) {
    if (!t) continue;
    if (t.entries.value > 128) throw new RangeError('a TLB has more than 128 entries');
    if (t.ways.value !== 0) log2(t.entries.value / t.ways.value);
  }
  for (const n of [p.predictor.counters, p.predictor.targets, p.predictor.returns]) log2(n.value);
}
