/** The figures that calibrate draws, and the curves in each: what is measured, its axes, and what it should be. */
import type { CalibrationName } from '../../guest/calibrate.ts';
import {
  branchConditional,
  branchIndirect,
  contextSwitch,
  copyLoop,
  copyRep,
  type Formula,
  latency,
  movCr3,
  tlbReach,
  tlbWalk,
  traps,
} from './formulas.ts';

export interface Curve {
  name: string;
  title: string;
  formula: Formula;
}

export interface Figure {
  /** Names the SVG file. */
  name: string;
  title: string;
  program: CalibrationName;
  x: string;
  y: string;
  xScale: 'log' | 'linear';
  yScale: 'log' | 'linear';
  /** Operations a cycle instead of cycles an operation. */
  rate?: boolean;
  /** How an x is printed; the number itself when absent. */
  format?: (x: number) => string;
  curves: readonly Curve[];
}

const curve = (name: string, title: string, formula: Formula): Curve => ({ name, title, formula });

/** Bytes as K or M. */
function bytes(x: number): string {
  return x >= 1 << 20 && x % (1 << 20) === 0 ? `${x >> 20}M` : `${x >> 10}K`;
}

export const figures: readonly Figure[] = [
  {
    name: 'latency',
    title: 'Load latency against working set',
    program: 'latency',
    x: 'working set, bytes',
    y: 'cycles a load',
    xScale: 'log',
    yScale: 'log',
    format: bytes,
    curves: [
      curve('latency.random.128', 'shuffled, 128 bytes apart', latency(128, true)),
      curve('latency.stride.32', 'in order, stride 32', latency(32, false)),
      curve('latency.stride.64', 'in order, stride 64', latency(64, false)),
      curve('latency.stride.128', 'in order, stride 128', latency(128, false)),
      curve('latency.stride.256', 'in order, stride 256', latency(256, false)),
    ],
  },
  {
    name: 'tlb',
    title: 'TLB reach: one load a page, each in its own line',
    program: 'tlb',
    x: 'pages',
    y: 'cycles a load',
    xScale: 'log',
    yScale: 'log',
    curves: [curve('tlb.4k', '4 KiB pages', tlbReach(false)), curve('tlb.4m', '4 MiB pages', tlbReach(true))],
  },
  {
    name: 'walk',
    title: 'Page walk by where the PTE lies',
    program: 'tlb',
    x: 'pages, PTEs 256 bytes apart',
    y: 'cycles a load',
    xScale: 'log',
    yScale: 'log',
    curves: [curve('tlb.walk', 'a load that misses the TLB', tlbWalk)],
  },
  {
    name: 'cr3',
    title: 'MOV CR3 and the reloads behind it',
    program: 'system',
    x: 'pages used between two MOV CR3',
    y: 'cycles',
    xScale: 'linear',
    yScale: 'linear',
    curves: [
      curve('cr3.flushed', 'pages not global', movCr3(false)),
      curve('cr3.global', 'pages global', movCr3(true)),
    ],
  },
  {
    name: 'traps',
    title: 'Traps and system operations',
    program: 'system',
    x: '',
    y: 'cycles',
    xScale: 'linear',
    yScale: 'log',
    curves: [
      curve('trap.int', 'INT 0x80 and IRET, ring 3', traps.int),
      curve('entry.int', 'INT 0x80 in', traps.entryInt),
      curve('return.iret', 'IRET out', traps.returnIret),
      curve('trap.int.ring0', 'INT 0x80 and IRET, ring 0', traps.intRing0),
      curve('return.iret.ring0', 'IRET in ring 0', traps.returnIretRing0),
      curve('trap.sysenter', 'SYSENTER and SYSEXIT', traps.sysenter),
      curve('entry.sysenter', 'SYSENTER in', traps.entrySysenter),
      curve('return.sysexit', 'SYSEXIT out', traps.returnSysexit),
      curve('trap.fault', 'page fault and return', traps.fault),
      curve('entry.fault', 'page fault in', traps.entryFault),
      curve('invlpg', 'INVLPG', traps.invlpg),
    ],
  },
  {
    name: 'switch',
    title: 'Context switch against working set',
    program: 'switch',
    x: 'KiB that each process reads a turn',
    y: 'cycles a switch',
    xScale: 'linear',
    yScale: 'log',
    curves: [curve('switch', 'two processes', contextSwitch)],
  },
  {
    name: 'copy',
    title: 'Memory copy against size',
    program: 'copy',
    x: 'bytes copied',
    y: 'bytes a cycle',
    xScale: 'log',
    yScale: 'log',
    rate: true,
    format: bytes,
    curves: [curve('copy.rep', 'REP MOVSD', copyRep), curve('copy.loop', 'loop of MOV', copyLoop)],
  },
  {
    name: 'branch',
    title: 'Branches that cannot be foreseen, against taken probability',
    program: 'branch',
    x: 'taken, of 256',
    y: 'cycles a branch, more than a foreseen one',
    xScale: 'linear',
    yScale: 'linear',
    curves: [
      curve('branch.conditional', 'conditional, random', branchConditional),
      curve('branch.indirect', 'indirect, alternating targets', branchIndirect),
    ],
  },
];
