/**
 * The registers as gdb numbers them and `target.xml` tells it (Debugging with GDB, appendix G.5.5): the feature that
 * gdb asks of every i386, then what a kernel's debugger wants, under names that QEMU and Bochs use too. A register
 * is a row.
 *
 * Left out: SSE, which the processor lacks (gdb does without), and EFER. `eip` is the offset in CS, as in the
 * processor; gdb takes it for an address, so code in a segment with a base is not for gdb.
 */
import type { Cpu } from '../../emu/cpu/cpu.ts';
import { CommandError } from '../error.ts';
import { CR0, CR4, EFLAGS } from '../registers.ts';
import type { Target } from '../target.ts';
import { bytesOf } from './framing.ts';

interface RegisterRow {
  name: string;
  bits: 16 | 32 | 80;
  /** A type of gdb's, or one of FLAGS. */
  type: string;
  group?: string;
  /** Little-endian bytes: a number for registers of up to 32 bits. */
  read(cpu: Cpu): number | Uint8Array;
}

const general = (name: string, n: number, type = 'int32'): RegisterRow => ({
  name,
  bits: 32,
  type,
  read: cpu => cpu.r32[n],
});

const other = (name: string, type: string, read: RegisterRow['read'], group?: string): RegisterRow => ({
  name,
  bits: 32,
  type,
  read,
  group,
});

const SEGMENT = { es: 0, cs: 1, ss: 2, ds: 3, fs: 4, gs: 5, ldtr: 6, tr: 7 } as const;

const selector = (name: keyof typeof SEGMENT, group?: string): RegisterRow =>
  other(name, 'int32', cpu => cpu.selector(SEGMENT[name]), group);

const base = (name: keyof typeof SEGMENT): RegisterRow =>
  other(`${name}_base`, 'data_ptr', cpu => cpu.segmentBase(SEGMENT[name]), 'system');

const stack = (n: number): RegisterRow => ({
  name: `st${n}`,
  bits: 80,
  type: 'i387_ext',
  read(cpu) {
    const bytes = new Uint8Array(10);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, cpu.fpu.lo(n), true);
    view.setUint32(4, cpu.fpu.hi(n), true);
    view.setUint16(8, cpu.fpu.se(n), true);
    return bytes;
  },
});

const fpu = (name: string, read: (cpu: Cpu) => number): RegisterRow => other(name, 'int', read, 'float');

/** What org.gnu.gdb.i386.core must have, in gdb's order. */
const CORE: readonly RegisterRow[] = [
  general('eax', 0),
  general('ecx', 1),
  general('edx', 2),
  general('ebx', 3),
  general('esp', 4, 'data_ptr'),
  general('ebp', 5, 'data_ptr'),
  general('esi', 6),
  general('edi', 7),
  other('eip', 'code_ptr', cpu => cpu.eip),
  other('eflags', 'i386_eflags', cpu => cpu.eflags),
  ...(['cs', 'ss', 'ds', 'es', 'fs', 'gs'] as const).map(name => selector(name)),
  ...Array.from({ length: 8 }, (_, n) => stack(n)),
  fpu('fctrl', cpu => cpu.fpu.control),
  fpu('fstat', cpu => cpu.fpu.status),
  fpu('ftag', cpu => cpu.fpu.tags),
  fpu('fiseg', cpu => cpu.fpu.fcs),
  fpu('fioff', cpu => cpu.fpu.fip),
  fpu('foseg', cpu => cpu.fpu.fds),
  fpu('fooff', cpu => cpu.fpu.fdp),
  fpu('fop', cpu => cpu.fpu.fop),
];

const SYSTEM: readonly RegisterRow[] = [
  ...(['cs', 'ss', 'ds', 'es', 'fs', 'gs'] as const).map(base),
  other('cr0', 'i386_cr0', cpu => cpu.cr0, 'system'),
  other('cr2', 'data_ptr', cpu => cpu.cr2, 'system'),
  other('cr3', 'data_ptr', cpu => cpu.cr3, 'system'),
  other('cr4', 'i386_cr4', cpu => cpu.cr4, 'system'),
  ...[0, 1, 2, 3, 6, 7].map(n => other(`dr${n}`, 'int32', cpu => cpu.dr(n), 'system')),
  other('gdtr_base', 'data_ptr', cpu => cpu.gdtBase, 'system'),
  other('gdtr_limit', 'int32', cpu => cpu.gdtLimit, 'system'),
  other('idtr_base', 'data_ptr', cpu => cpu.idtBase, 'system'),
  other('idtr_limit', 'int32', cpu => cpu.idtLimit, 'system'),
  selector('ldtr', 'system'),
  selector('tr', 'system'),
  other('cpl', 'int32', cpu => cpu.cpl, 'system'),
];

const FEATURES = [
  ['org.gnu.gdb.i386.core', CORE],
  ['org.nooks86.i386.system', SYSTEM],
] as const;

/** All, by gdb's number. */
export const REGISTERS: readonly RegisterRow[] = [...CORE, ...SYSTEM];

/** Digits of a register of the processor, in the guest's byte order. */
export function readRegister(cpu: Cpu, n: number): string {
  return digits(REGISTERS[n].read(cpu), REGISTERS[n].bits);
}

/** Digits of a register of which only some are known, by name; `x` for the others. */
export function savedRegister(n: number, known: Readonly<Record<string, number>>): string {
  const { name, bits } = REGISTERS[n];
  return name in known ? digits(known[name], bits) : 'x'.repeat(bits / 4);
}

/** Writes digits to a register of the processor. Throws a CommandError where that cannot be done. */
export function writeRegister(target: Target, n: number, text: string): void {
  const { name, bits } = REGISTERS[n];
  const bytes = bytesOf(text);
  if (bytes?.length !== bits / 8) throw new CommandError(`${name} has ${bits} bits`);
  target.writeRegister(name, new DataView(bytes.buffer).getUint32(0, true));
}

/** A number as the digits of a register of 32 bits. */
export function digits(value: number | Uint8Array, bits = 32): string {
  if (typeof value !== 'number')
    return Array.from(value, byte => byte.toString(16).padStart(2, '0')).join('');
  let text = '';
  for (let n = 0; n < bits; n += 8) text += ((value >>> n) & 0xff).toString(16).padStart(2, '0');
  return text;
}

// ---- target.xml -----------------------------------------------------------------------------------------------------

type Bits = readonly (readonly [mask: number, name: string])[];

/** Fields of more than a bit that the tables of single bits lack. */
const FLAGS: readonly [id: string, bits: Bits, wide: readonly [string, number, number][]][] = [
  ['i386_eflags', EFLAGS, [['IOPL', 12, 13]]],
  ['i386_cr0', CR0, []],
  ['i386_cr4', CR4, []],
];

function flagsXml(id: string, bits: Bits, wide: readonly [string, number, number][]): string {
  const single = bits.map(([mask, name]) => [name, 31 - Math.clz32(mask), 31 - Math.clz32(mask)] as const);
  const fields = [...single, ...wide].sort((a, b) => a[1] - b[1]);
  const lines = fields.map(([name, start, end]) => `<field name="${name}" start="${start}" end="${end}"/>\n`);
  return `<flags id="${id}" size="4">\n${lines.join('')}</flags>\n`;
}

function featureXml(name: string, rows: readonly RegisterRow[]): string {
  const used = FLAGS.filter(([id]) => rows.some(row => row.type === id));
  const types = used.map(flags => flagsXml(...flags)).join('');
  const lines = rows.map(row => {
    const group = row.group ? ` group="${row.group}"` : '';
    return `<reg name="${row.name}" bitsize="${row.bits}" type="${row.type}"${group}/>\n`;
  });
  return `<feature name="${name}">\n${types}${lines.join('')}</feature>\n`;
}

/** The kernel is for no system that gdb knows, so none of its habits (signal frames, system calls) are looked for. */
export const TARGET_XML =
  '<?xml version="1.0"?>\n<!DOCTYPE target SYSTEM "gdb-target.dtd">\n<target version="1.0">\n' +
  '<architecture>i386</architecture>\n<osabi>none</osabi>\n' +
  `${FEATURES.map(([name, rows]) => featureXml(name, rows)).join('')}</target>\n`;
