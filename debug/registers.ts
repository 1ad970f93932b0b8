/** The processor's registers with their fields by the manual's names (SDM vol. 1, 3.4; vol. 3, 2.5 and 3.4.5). */
import {
  SEG_ACCESSED,
  SEG_CODE,
  SEG_DB,
  SEG_DPL_SHIFT,
  SEG_EXPAND_DOWN,
  SEG_G,
  SEG_P,
  SEG_RW,
  SEG_S,
} from '../emu/cpu/segments.ts';
import type { Target } from './target.ts';
import { bitNames, hex8, table } from './text.ts';

const GENERAL = ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi'];
const SEGMENTS = ['es', 'cs', 'ss', 'ds', 'fs', 'gs', 'ldtr', 'tr'];

export const EFLAGS = [
  [0x20_0000, 'ID'],
  [0x10_0000, 'VIP'],
  [0x8_0000, 'VIF'],
  [0x4_0000, 'AC'],
  [0x2_0000, 'VM'],
  [0x1_0000, 'RF'],
  [0x4000, 'NT'],
  [0x800, 'OF'],
  [0x400, 'DF'],
  [0x200, 'IF'],
  [0x100, 'TF'],
  [0x80, 'SF'],
  [0x40, 'ZF'],
  [0x10, 'AF'],
  [0x4, 'PF'],
  [0x1, 'CF'],
] as const;

export const CR0 = [
  [0x8000_0000 | 0, 'PG'],
  [0x4000_0000, 'CD'],
  [0x2000_0000, 'NW'],
  [0x4_0000, 'AM'],
  [0x1_0000, 'WP'],
  [0x20, 'NE'],
  [0x10, 'ET'],
  [0x8, 'TS'],
  [0x4, 'EM'],
  [0x2, 'MP'],
  [0x1, 'PE'],
] as const;

export const CR4 = [
  [0x100, 'PCE'],
  [0x80, 'PGE'],
  [0x40, 'MCE'],
  [0x20, 'PAE'],
  [0x10, 'PSE'],
  [0x8, 'DE'],
  [0x4, 'TSD'],
  [0x2, 'PVI'],
  [0x1, 'VME'],
] as const;

const SYSTEM_TYPES: Readonly<Record<number, string>> = {
  1: '16-bit TSS',
  2: 'LDT',
  3: '16-bit TSS, busy',
  9: '32-bit TSS',
  11: '32-bit TSS, busy',
};

export function registersText(target: Target): string {
  const { cpu } = target.machine;
  const general = GENERAL.map((name, n) => [name, hex8(cpu.r32[n])]);
  const rows = [0, 4].map(from => general.slice(from, from + 4).flat());
  const pc = target.describe(target.pc());
  return (
    table(rows, [0, 2, 4, 6]) +
    `eip  ${pc}\n` +
    `eflags ${hex8(cpu.eflags)}  ${bitNames(cpu.eflags, EFLAGS)}  IOPL=${cpu.iopl}\n` +
    `CPL=${cpu.cpl}\n` +
    table(
      SEGMENTS.map((name, s) => segment(target, name, s)),
      [0, 1, 2, 3, 4],
    ) +
    `gdtr base ${hex8(cpu.gdtBase)} limit ${hex8(cpu.gdtLimit)}\n` +
    `idtr base ${hex8(cpu.idtBase)} limit ${hex8(cpu.idtLimit)}\n` +
    `cr0 ${hex8(cpu.cr0)}  ${bitNames(cpu.cr0, CR0)}\n` +
    `cr2 ${hex8(cpu.cr2)}  address of the last page fault\n` +
    `cr3 ${hex8(cpu.cr3)}  page directory\n` +
    `${`cr4 ${hex8(cpu.cr4)}  ${bitNames(cpu.cr4, CR4)}`.trimEnd()}\n` +
    `dr0 ${hex8(cpu.dr(0))}  dr1 ${hex8(cpu.dr(1))}  dr2 ${hex8(cpu.dr(2))}  dr3 ${hex8(cpu.dr(3))}  ` +
    `dr6 ${hex8(cpu.dr(6))}  dr7 ${hex8(cpu.dr(7))}\n`
  );
}

function segment(target: Target, name: string, s: number): string[] {
  const { cpu } = target.machine;
  const attributes = cpu.segmentAttributes(s);
  const selector = cpu.selector(s).toString(16).padStart(4, '0');
  const place = [`base ${hex8(cpu.segmentBase(s))}`, `limit ${hex8(cpu.segmentLimit(s))}`];
  return [name, selector, ...place, attributesText(attributes)];
}

function attributesText(a: number): string {
  if (!(a & SEG_P)) return 'not usable';
  const dpl = `DPL=${(a >> SEG_DPL_SHIFT) & 3}`;
  if (!(a & SEG_S)) return `${SYSTEM_TYPES[(a >> 8) & 15] ?? `system type ${(a >> 8) & 15}`} ${dpl}`;
  const words =
    a & SEG_CODE ? ['code', a & SEG_RW ? 'readable' : ''] : ['data', a & SEG_RW ? 'writable' : ''];
  if (a & SEG_EXPAND_DOWN) words.push(a & SEG_CODE ? 'conforming' : 'expand-down');
  words.push(dpl, a & SEG_DB ? '32-bit' : '16-bit', a & SEG_G ? 'G' : '', a & SEG_ACCESSED ? 'accessed' : '');
  return words.filter(Boolean).join(' ');
}
