/**
 * The arithmetic unit: ADD … CMP, INC, DEC, NEG, NOT, shifts and rotates, multiplication and division, on values
 * of any operand size. A value is shifted up by `shift` = 32 − bits, so that its sign is bit 31 and one formula
 * serves all sizes; the flags' carry vector follows (see cpu.ts). SDM vol. 1, 3.4.3.1 and the instructions' pages.
 */

import { DE } from '../../mmu/fault.ts';
import type { Cpu } from '../cpu.ts';

const CARRIES = 0xc000_0000 | 0;

function carryVector(vector: number, shift: number): number {
  return (vector & CARRIES) | ((vector >>> shift) & 8);
}

export function add(c: Cpu, a: number, b: number, shift: number): number {
  const x = a << shift;
  const y = b << shift;
  const r = (x + y) | 0;
  c.setLazy(r >> shift, carryVector((x & y) | ((x | y) & ~r), shift));
  return r >> shift;
}

export function adc(c: Cpu, a: number, b: number, shift: number): number {
  const x = a << shift;
  const y = b << shift;
  const r = (x + y + (c.cf << shift)) | 0;
  c.setLazy(r >> shift, carryVector((x & y) | ((x | y) & ~r), shift));
  return r >> shift;
}

export function sub(c: Cpu, a: number, b: number, shift: number): number {
  const x = a << shift;
  const y = b << shift;
  const r = (x - y) | 0;
  c.setLazy(r >> shift, carryVector((~x & y) | ((~x | y) & r), shift));
  return r >> shift;
}

export function sbb(c: Cpu, a: number, b: number, shift: number): number {
  const x = a << shift;
  const y = b << shift;
  const r = (x - y - (c.cf << shift)) | 0;
  c.setLazy(r >> shift, carryVector((~x & y) | ((~x | y) & r), shift));
  return r >> shift;
}

/** Result of AND, OR, XOR, TEST: CF = OF = 0; AF is undefined and cleared. */
export function logic(c: Cpu, value: number, shift: number): number {
  const r = (value << shift) >> shift;
  c.setLazy(r, 0);
  return r;
}

/** The eight operations of the /digit and the opcode's bits 3–5: ADD OR ADC SBB AND SUB XOR CMP. */
export function alu(c: Cpu, op: number, a: number, b: number, shift: number): number {
  switch (op) {
    case 0:
      return add(c, a, b, shift);
    case 1:
      return logic(c, a | b, shift);
    case 2:
      return adc(c, a, b, shift);
    case 3:
      return sbb(c, a, b, shift);
    case 4:
      return logic(c, a & b, shift);
    case 6:
      return logic(c, a ^ b, shift);
    default:
      return sub(c, a, b, shift);
  }
}

export function inc(c: Cpu, a: number, shift: number): number {
  const cf = c.cf;
  const r = add(c, a, 1, shift);
  c.setCf(cf);
  return r;
}

export function dec(c: Cpu, a: number, shift: number): number {
  const cf = c.cf;
  const r = sub(c, a, 1, shift);
  c.setCf(cf);
  return r;
}

/**
 * The eight shifts by /digit: ROL ROR RCL RCR SHL SHR SAL SAR. `count` is already masked to 5 bits; 0 changes
 * nothing. OF for counts other than 1 is undefined: it is what the processors at hand give (see the corpus).
 */
export function shiftRotate(c: Cpu, op: number, a: number, count: number, shift: number): number {
  if (count === 0) return a;
  const bits = 32 - shift;
  const mask = bits === 32 ? -1 : (1 << bits) - 1;
  const v = a & mask;
  switch (op) {
    case 0:
      return rotateLeft(c, v, count, bits, mask);
    case 1:
      return rotateRight(c, v, count, bits, mask);
    case 2:
      return rotateThroughCarry(c, v, count % (bits + 1), bits, mask);
    case 3: {
      const n = count % (bits + 1);
      if (n === 0) {
        c.setCfOf(c.cf, ((v >>> (bits - 1)) ^ (v >>> (bits - 2))) & 1);
        return a;
      }
      const r = rotateLeftCarry(v, bits + 1 - n, bits, mask, c.cf);
      const cf = (v >>> (n - 1)) & 1;
      c.setCfOf(cf, ((r >>> (bits - 1)) ^ (r >>> (bits - 2))) & 1);
      return r;
    }
    case 5:
      return shiftRight(c, v, count, bits, shift);
    case 7:
      return shiftArithmetic(c, (a << shift) >> shift, count, bits, shift);
    default:
      return shiftLeft(c, v, count, bits, shift, mask);
  }
}

function rotateLeft(c: Cpu, v: number, count: number, bits: number, mask: number): number {
  const n = count & (bits - 1);
  const r = n === 0 ? v : ((v << n) | (v >>> (bits - n))) & mask;
  c.setCfOf(r & 1, (r & 1) ^ ((r >>> (bits - 1)) & 1));
  return r;
}

function rotateRight(c: Cpu, v: number, count: number, bits: number, mask: number): number {
  const n = count & (bits - 1);
  const r = n === 0 ? v : ((v >>> n) | (v << (bits - n))) & mask;
  c.setCfOf((r >>> (bits - 1)) & 1, ((r >>> (bits - 1)) ^ (r >>> (bits - 2))) & 1);
  return r;
}

/** `v` and `cf` as one (bits + 1)-bit number, rotated left by n (0 < n ≤ bits); the value part. */
function rotateLeftCarry(v: number, n: number, bits: number, mask: number, cf: number): number {
  const high = n < bits ? v << n : 0;
  const low = n > 1 ? v >>> (bits + 1 - n) : 0;
  return (high | (cf << (n - 1)) | low) & mask;
}

function rotateThroughCarry(c: Cpu, v: number, n: number, bits: number, mask: number): number {
  if (n === 0) {
    c.setCfOf(c.cf, c.cf ^ ((v >>> (bits - 1)) & 1));
    return v;
  }
  const r = rotateLeftCarry(v, n, bits, mask, c.cf);
  const cf = (v >>> (bits - n)) & 1;
  c.setCfOf(cf, cf ^ ((r >>> (bits - 1)) & 1));
  return r;
}

/** Sets the flags of a shift: SF ZF PF by the result, AF undefined (cleared). */
function shifted(c: Cpu, r: number, shift: number, cf: number, of: number): number {
  const value = (r << shift) >> shift;
  c.setLazy(value, (cf << 31) | ((cf ^ of) << 30));
  return value;
}

function shiftLeft(c: Cpu, v: number, n: number, bits: number, shift: number, mask: number): number {
  const r = (v << n) & mask;
  const cf = n <= bits ? (n === 32 ? v : v >>> (bits - n)) & 1 : 0;
  return shifted(c, r, shift, cf, cf ^ ((r >>> (bits - 1)) & 1));
}

function shiftRight(c: Cpu, v: number, n: number, bits: number, shift: number): number {
  const cf = (v >>> (n - 1)) & 1;
  const r = v >>> n;
  const of = n === 1 ? (v >>> (bits - 1)) & 1 : ((r >>> (bits - 1)) ^ (r >>> (bits - 2))) & 1;
  return shifted(c, r, shift, cf, of);
}

function shiftArithmetic(c: Cpu, v: number, n: number, _bits: number, shift: number): number {
  return shifted(c, v >> n, shift, (v >> (n - 1)) & 1, 0);
}

/** SHLD: `count` masked to 5 bits. A count above 16 with 16-bit operands is undefined; the pair is shifted on. */
export function shld(c: Cpu, a: number, b: number, count: number, shift: number): number {
  if (count === 0) return a;
  if (shift === 0) {
    const cf = (a >>> (32 - count)) & 1;
    const r = (a << count) | (b >>> (32 - count));
    return shifted(c, r, 0, cf, cf ^ (r >>> 31));
  }
  const low = b & 0xffff;
  const high = a & 0xffff;
  const r =
    count <= 16 ? (high << count) | (low >>> (16 - count)) : (low << (count - 16)) | (high >>> (32 - count));
  const cf = (count <= 16 ? high >>> (16 - count) : low >>> (32 - count)) & 1;
  return shifted(c, r & 0xffff, shift, cf, cf ^ ((r >>> 15) & 1));
}

/** SHRD: see shld. */
export function shrd(c: Cpu, a: number, b: number, count: number, shift: number): number {
  if (count === 0) return a;
  if (shift === 0) {
    const cf = (a >>> (count - 1)) & 1;
    const r = (a >>> count) | (b << (32 - count));
    return shifted(c, r, 0, cf, ((r >>> 31) ^ (r >>> 30)) & 1);
  }
  const low = a & 0xffff;
  const high = b & 0xffff;
  const r =
    count <= 16 ? (low >>> count) | (high << (16 - count)) : (high >>> (count - 16)) | (low << (32 - count));
  const cf = (count <= 16 ? low >>> (count - 1) : high >>> (count - 17)) & 1;
  return shifted(c, r & 0xffff, shift, cf, ((r >>> 15) ^ (r >>> 14)) & 1);
}

// ---- multiplication and division -------------------------------------------------------------------------------

/** High dword of the unsigned product. */
export function mulHigh(a: number, b: number): number {
  const al = a & 0xffff;
  const ah = a >>> 16;
  const bl = b & 0xffff;
  const bh = b >>> 16;
  const middle = ah * bl + ((al * bl) >>> 16);
  const carry = al * bh + (middle & 0xffff);
  return (ah * bh + Math.floor(middle / 65536) + Math.floor(carry / 65536)) | 0;
}

/** High dword of the signed product. */
export function imulHigh(a: number, b: number): number {
  return (mulHigh(a >>> 0, b >>> 0) - (a < 0 ? b : 0) - (b < 0 ? a : 0)) | 0;
}

/** CF = OF = `overflow`; SF ZF AF PF undefined: set as by the low result. */
export function multiplyFlags(c: Cpu, low: number, overflow: boolean): void {
  c.setLazy(low, overflow ? 0x8000_0000 | 0 : 0);
}

const TWO32 = 4294967296;

/** Unsigned EDX:EAX / d; #DE on zero or overflow. The quotient; the remainder is left in `remainder`. */
export let remainder = 0;
export function div64(c: Cpu, high: number, low: number, d: number): number {
  const h = high >>> 0;
  const l = low >>> 0;
  const divisor = d >>> 0;
  if (divisor === 0 || h >= divisor) c.raise(DE);
  if (h < 0x20_0000) {
    const n = h * TWO32 + l;
    const q = Math.floor(n / divisor);
    remainder = (n - q * divisor) | 0;
    return q | 0;
  }
  // Schoolbook by 16-bit halves: each partial dividend is below 2^48, so doubles are exact.
  const n1 = h * 65536 + (l >>> 16);
  const q1 = Math.floor(n1 / divisor);
  const r1 = n1 - q1 * divisor;
  const n0 = r1 * 65536 + (l & 0xffff);
  const q0 = Math.floor(n0 / divisor);
  remainder = (n0 - q0 * divisor) | 0;
  return (q1 * 65536 + q0) | 0;
}

/** Signed EDX:EAX / d; #DE on zero or overflow. */
export function idiv64(c: Cpu, high: number, low: number, d: number): number {
  const negative = high < 0;
  let h = high;
  let l = low;
  if (negative) {
    l = -low | 0;
    h = (~high + (low === 0 ? 1 : 0)) | 0;
  }
  const divisor = d < 0 ? -d | 0 : d;
  const q = div64(c, h, l, divisor) >>> 0;
  const minus = negative !== d < 0;
  if (q > (minus ? 0x8000_0000 : 0x7fff_ffff)) c.raise(DE);
  if (negative) remainder = -remainder | 0;
  return minus ? -q | 0 : q | 0;
}
