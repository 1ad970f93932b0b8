/** Bit tests and scans, and the read-modify-write instructions XADD, CMPXCHG and CMPXCHG8B. SDM vol. 2. */
import type { Cpu } from '../cpu.ts';
import { add, sub } from '../exec/alu.ts';
import { getE, getForUpdate, getG, setE, setG } from '../exec/operand.ts';
import type { Insn } from '../insn.ts';
import type { Row } from '../row.ts';
import { both, row } from './kit.ts';

const EAX = 0;
const ECX = 1;
const EDX = 2;
const EBX = 3;

/** BT, BTS, BTR, BTC by op 0–3: the bit's new value. */
function change(op: number, v: number, bit: number): number {
  const mask = 1 << bit;
  return op === 1 ? v | mask : op === 2 ? v & ~mask : v ^ mask;
}

function bitE(c: Cpu, i: Insn, index: number): void {
  const bit = index & (i.size * 8 - 1);
  if (i.op === 0) return c.setCf((getE(c, i) >>> bit) & 1);
  const v = getForUpdate(c, i);
  setE(c, i, change(i.op, v, bit));
  c.setCf((v >>> bit) & 1);
}

/** With a register index and a memory operand the bit string reaches ±2 GiB around the address. */
function bitEG(c: Cpu, i: Insn): void {
  const index = (getG(c, i) << i.shift) >> i.shift;
  if (i.isReg) return bitE(c, i, index);
  const unit = i.size;
  const offset = (c.ea(i) + (index >> (unit === 4 ? 5 : 4)) * unit) | 0;
  const at = i.a32 ? offset : offset & 0xffff;
  const bit = index & (unit * 8 - 1);
  if (i.op === 0) return c.setCf((c.load(i.seg, at, unit) >>> bit) & 1);
  const v = c.loadForWrite(i.seg, at, unit);
  c.store(i.seg, at, unit, change(i.op, v, bit));
  c.setCf((v >>> bit) & 1);
}

const bitEI = (c: Cpu, i: Insn) => bitE(c, i, i.imm);

/** A zero source leaves the destination alone (undefined by Intel, defined so by AMD) and sets ZF only. */
function bsf(c: Cpu, i: Insn): void {
  const v = getE(c, i);
  if (v === 0) return c.setLazy(0, 0);
  setG(c, i, 31 - Math.clz32(v & -v));
  c.setLazy(1, 0);
}

function bsr(c: Cpu, i: Insn): void {
  const v = getE(c, i);
  if (v === 0) return c.setLazy(0, 0);
  setG(c, i, 31 - Math.clz32(v));
  c.setLazy(1, 0);
}

function xadd(c: Cpu, i: Insn): void {
  const a = getForUpdate(c, i);
  const b = getG(c, i);
  const r = add(c, a, b, i.shift);
  // The sum goes to r/m last when both are registers, but the register may be part of a memory operand's address.
  if (i.isReg) {
    setG(c, i, a);
    setE(c, i, r);
  } else {
    setE(c, i, r);
    setG(c, i, a);
  }
}

/** The destination is written in both cases, so a failed exchange needs a writable operand too. */
function cmpxchg(c: Cpu, i: Insn): void {
  const v = getForUpdate(c, i);
  const a = c.getReg(EAX, i.size);
  const source = getG(c, i);
  sub(c, a, v, i.shift);
  if (c.zf) setE(c, i, source);
  else {
    setE(c, i, v);
    c.setReg(EAX, i.size, v);
  }
}

function cmpxchg8b(c: Cpu, i: Insn): void {
  const at = c.ea(i);
  const high = (at + 4) | 0;
  c.probeStore(i.seg, at, 8);
  const lo = c.load32(i.seg, at);
  const hi = c.load32(i.seg, high);
  const equal = lo === c.r32[EAX] && hi === c.r32[EDX];
  c.store32(i.seg, at, equal ? c.r32[EBX] : lo);
  c.store32(i.seg, high, equal ? c.r32[ECX] : hi);
  if (!equal) {
    c.r32[EAX] = lo;
    c.r32[EDX] = hi;
  }
  c.setZf(equal ? 1 : 0);
}

const names = ['BT', 'BTS', 'BTR', 'BTC'];
const scan = {
  writes: 'Z',
  undef: 'OSAPC',
  note: 'zero source: destination undefined by Intel, kept here and by AMD',
};
const OSZAPC = 'OSZAPC';

export const bitRows: Row[] = [
  ...names.flatMap((name, op) => {
    const options = { op, writes: 'C', undef: 'OSAP', lock: op > 0 };
    const second = (0xa3 + op * 8).toString(16);
    return [
      ...both(`0F ${second} /r`, `${name} r/mv, rv`, 'bitTest', bitEG, options),
      ...both(`0F BA /${4 + op} ib`, `${name} r/mv, imm8`, 'bitTest', bitEI, options),
    ];
  }),
  ...both('0F BC /r', 'BSF rv, r/mv', 'bitScan', bsf, scan),
  ...both('0F BD /r', 'BSR rv, r/mv', 'bitScan', bsr, scan),
  row('0F C0 /r', 'XADD r/m8, r8', 'cmpxchg', xadd, { writes: OSZAPC, lock: true }),
  ...both('0F C1 /r', 'XADD r/mv, rv', 'cmpxchg', xadd, { writes: OSZAPC, lock: true }),
  row('0F B0 /r', 'CMPXCHG r/m8, r8', 'cmpxchg', cmpxchg, { writes: OSZAPC, lock: true }),
  ...both('0F B1 /r', 'CMPXCHG r/mv, rv', 'cmpxchg', cmpxchg, { writes: OSZAPC, lock: true }),
  row('0F C7 /1 m', 'CMPXCHG8B m64', 'cmpxchg', cmpxchg8b, { writes: 'Z', lock: true }),
];
