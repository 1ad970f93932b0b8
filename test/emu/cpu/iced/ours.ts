/**
 * Our decoder's reading of an instruction as one line of text that another decoder's can be compared with: mnemonic,
 * operands in order, and the sizes that no operand shows. The row's form (SDM vol. 2, chapter 3.1.1) says which
 * field of the decoded instruction each operand is.
 */
import { type CodeBytes, Decoder } from '../../../../emu/cpu/decoder.ts';
import { type Insn, NO_REGISTER } from '../../../../emu/cpu/insn.ts';
import type { Row } from '../../../../emu/cpu/row.ts';
import { CpuFault } from '../../../../emu/mmu/fault.ts';
import { p4 } from '../../../../emu/profile/p4-1700.ts';

export const REG32 = ['EAX', 'ECX', 'EDX', 'EBX', 'ESP', 'EBP', 'ESI', 'EDI'];
export const REG16 = REG32.map(name => name.slice(1));
export const REG8 = ['AL', 'CL', 'DL', 'BL', 'AH', 'CH', 'DH', 'BH'];
export const SEGMENTS = ['ES', 'CS', 'SS', 'DS', 'FS', 'GS'];
const BYTE_OFFSET = [0, 4, 8, 12, 1, 5, 9, 13];
/** Instructions whose memory operands are implied: the mnemonic's size letter and the source's segment say all. */
export const STRINGS = new Set(['MOVS', 'CMPS', 'STOS', 'LODS', 'SCAS', 'INS', 'OUTS']);
/** Of them, those that read through DS or its override. */
export const WITH_SOURCE = new Set(['MOVS', 'CMPS', 'LODS', 'OUTS', 'XLATB']);

export interface Reading {
  length: number;
  text: string;
  row: Row;
  o32: boolean;
  a32: boolean;
}

const hex = (v: number) => (v >>> 0).toString(16);

/** `seg:[base+index*scale+displacement]`, the displacement as a number of the address size; `bytes` 0 is not said. */
export function memoryText(
  seg: string,
  base: string,
  index: string,
  scale: number,
  displacement: number,
  bytes: number,
): string {
  const by = index ? `+${index}*${scale}` : '';
  return `${bytes || ''}${seg}:[${base}${by}+${hex(displacement)}]`;
}

function registerName(index: number, bytes: number): string {
  if (bytes === 4) return REG32[index];
  return bytes === 2 ? REG16[index >> 1] : REG8[BYTE_OFFSET.indexOf(index)];
}

function memoryOf(i: Insn, bytes: number): string {
  const names = i.a32 ? REG32 : REG16;
  const base = i.base === NO_REGISTER ? '' : names[i.base];
  const index = i.index === NO_REGISTER ? '' : names[i.index];
  return memoryText(SEGMENTS[i.seg], base, index, 1 << i.scale, i.a32 ? i.disp : i.disp & 0xffff, bytes);
}

type Show = (i: Insn) => string;

/** Aliases of x87 instructions, as the row's form numbers them, and the name that iced-x86 gives each. */
const ALIASES = new Map([
  ['FCOM2', 'FCOM'],
  ['FCOMP3', 'FCOMP'],
  ['FCOMP5', 'FCOMP'],
  ['FXCH4', 'FXCH'],
  ['FXCH7', 'FXCH'],
  ['FSTP1', 'FSTPNCE'],
  ['FSTP8', 'FSTP'],
  ['FSTP9', 'FSTP'],
  ['FENI', 'FNENI'],
  ['FDISI', 'FNDISI'],
  ['FSETPM', 'FNSETPM'],
]);

/** Bytes of a memory operand by its name in the form, 0 when the form does not say. */
function bytesOf(operand: string): number {
  const whole = /^m(\d+)byte$/.exec(operand);
  if (whole) return Number(whole[1]);
  const far = /^m16:(\w+)$/.exec(operand);
  if (far) return 2 + Number(far[1]) / 8;
  const pair = /^m(16|32)&(16|32)$/.exec(operand);
  if (pair) return (Number(pair[1]) + Number(pair[2])) / 8;
  const plain = /^(?:r\/)?m(?:offs)?(\d+)/.exec(operand);
  return plain ? Number(plain[1]) / 8 : 0;
}

/** How to show one operand of the row's form. */
function showOperand(operand: string, row: Row): Show {
  const tokens = row.enc.split(' ');
  const registerOnly = tokens.includes('r') || tokens.includes('R');
  const bytes = bytesOf(operand);
  if (/^r(8|16|32)$/.test(operand)) {
    const size = Number(operand.slice(1)) / 8;
    return registerOnly ? i => registerName(i.rm, size) : i => registerName(i.reg, size);
  }
  const environment = /^m(\d+)\/(\d+)byte$/.exec(operand);
  if (environment) return i => memoryOf(i, Number(environment[i.o32 ? 2 : 1]));
  if (operand === 'ST' || operand === 'ST(0)') return () => 'ST0';
  if (operand === 'ST(i)') return i => `ST${i.imm & 7}`;
  if (operand.startsWith('r/m')) return i => (i.isReg ? registerName(i.rm, bytes) : memoryOf(i, bytes));
  if (/^m(offs)?/.test(operand)) return i => memoryOf(i, bytes);
  if (operand === 'DRn') return i => `DR${i.digit}`;
  if (operand === 'CRn') return i => `CR${i.digit}`;
  if (operand === 'eAX') return i => (i.o32 ? 'EAX' : 'AX');
  if (operand.startsWith('rel')) return i => `->${hex(i.imm)}`;
  if (operand.startsWith('ptr16'))
    return i => `${hex(i.imm2 & 0xffff)}:${hex(i.o32 ? i.imm : i.imm & 0xffff)}`;
  const immediate = /^imm(8|16|32)$/.exec(operand);
  if (!immediate) return () => operand;
  if (tokens.includes('iw+ib'))
    return operand === 'imm16' ? i => hex(i.imm & 0xffff) : i => hex(i.imm2 & 0xff);
  if (tokens.includes('ibs')) return i => hex(i.o32 ? i.imm : i.imm & 0xffff);
  const mask = immediate[1] === '8' ? 0xff : immediate[1] === '16' ? 0xffff : -1;
  return i => hex(i.imm & mask);
}

const shows = new Map<Row, { mnemonic: string; operands: Show[] }>();

function showOf(row: Row) {
  let show = shows.get(row);
  if (!show) {
    const [mnemonic, ...rest] = row.form.split(' ');
    const operands = rest.length > 0 ? rest.join(' ').split(', ') : [];
    show = { mnemonic: ALIASES.get(mnemonic) ?? mnemonic, operands: operands.map(o => showOperand(o, row)) };
    shows.set(row, show);
  }
  return show;
}

function textOf(i: Insn): string {
  const { mnemonic, operands } = showOf(i.row);
  if (STRINGS.has(mnemonic) || mnemonic === 'XLATB') {
    const size = mnemonic === 'XLATB' ? '' : ['', 'b', 'w', '', 'd'][i.size];
    return `${mnemonic}${size}${WITH_SOURCE.has(mnemonic) ? ` ${SEGMENTS[i.seg]}` : ''} a${i.a32 ? 32 : 16}`;
  }
  if (mnemonic === 'XCHG' && i.row.enc.includes('90 +r') && i.reg === 0) return 'NOP ';
  return `${mnemonic} ${operands.map(show => show(i)).join(', ')}`;
}

const fault = new CpuFault();
const decoder = new Decoder(p4, fault);

/** What our decoder makes of the bytes at `eip`, or null when it refuses them (#UD, or longer than 15 bytes). */
export function readOurs(code: CodeBytes, eip: number, bits: number): Reading | null {
  let i: Insn;
  try {
    i = decoder.decode(code, eip, bits === 32);
  } catch (thrown) {
    if (thrown !== fault) throw thrown;
    return null;
  }
  return { length: i.length, text: textOf(i), row: i.row, o32: i.o32, a32: i.a32 };
}
