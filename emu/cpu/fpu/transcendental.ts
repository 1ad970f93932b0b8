/**
 * F2XM1, FYL2X, FYL2XP1, FPTAN, FPATAN, FSIN, FCOS and FSINCOS: SDM vol. 1, 8.3.7 to 8.3.10 and vol. 2, their
 * pages. Special operands and exceptions are the manual's; values are right to the last bit or the one before.
 *
 * π has 66 bits when arguments are reduced, as in the processor (8.3.8). Outside F2XM1's and FYL2XP1's ranges,
 * where the manual leaves the result undefined, F2XM1 returns its operand and FYL2XP1 the function.
 */
import { multiplyTo } from './arithmetic.ts';
import { Double2 } from './double-double.ts';
import { arctan, cosine, exp2m1, HALF_PI, LN2, LOG2E, log2p1, PI, sine } from './functions.ts';
import { BIAS, EXP_MAX, INFINITY, Operand, ZERO } from './number.ts';
import { PE, type Rounder, UE, ZE } from './rounder.ts';

const TWO32 = 0x1_0000_0000;
/** Below 2^-TINY a function's second term is beyond the last bit of the first. */
const TINY = 70;

const x = new Double2();
const y = new Double2();
const z = new Double2();
const bits = new Float64Array(1);
const bitsHigh = new Int32Array(bits.buffer);
const count = new Operand();

/** 2^n for a double's normal exponents. */
function powerOfTwo(n: number): number {
  bits[0] = 0;
  bitsHigh[1] = (n + 1023) << 20;
  return bits[0];
}

/** The significand of `a` as a number from 1 to 2, times 2^n. */
function significand(to: Double2, a: Operand, n: number): void {
  const h = (a.hi >>> 0) * TWO32 + ((a.lo & ~0x7ff) >>> 0);
  to.set(h, 0).addNumber(a.lo & 0x7ff);
  to.scale(powerOfTwo(n - 63));
}

/** The working number becomes |v| · 2^n, v not 0; as an inexact one. */
function fromDouble2(u: Rounder, v: Double2, n: number): void {
  if (v.h < 0) v.negate();
  bits[0] = v.h;
  const e = ((bitsHigh[1] >>> 20) & 0x7ff) - 1023;
  v.scale(powerOfTwo(63 - e));
  const whole = Math.floor(v.l);
  const high = Math.floor(v.h / TWO32);
  const low = v.h - high * TWO32 + whole;
  const carry = Math.floor(low / TWO32);
  u.hi = (high + carry) | 0;
  u.lo = (low - carry * TWO32) | 0;
  // The fraction of a tiny negative number may round to 1.
  u.ext = Math.min((v.l - whole) * TWO32, 0xffff_ffff) | 1;
  u.exp = e + n + BIAS;
  if (u.hi >= 0) u.normalise();
}

/** Rounds the inexact working number with `sign`. */
function finish(u: Rounder, sign: number): void {
  u.sign = sign;
  u.pack(64);
  u.flags |= PE;
}

/** The result is v · 2^n with `sign` (1 turns v's own). */
function deliver(u: Rounder, v: Double2, n: number, sign: number): void {
  const s = v.h < 0 ? sign ^ 1 : sign;
  fromDouble2(u, v, n);
  finish(u, s);
}

/** The result is `a` itself, but for an error far below its last bit. */
function beside(u: Rounder, a: Operand, outwards: boolean): void {
  u.load(a);
  u.nudge(outwards);
  finish(u, a.sign);
}

// ---- powers and logarithms -------------------------------------------------------------------------------------

export function f2xm1(u: Rounder, a: Operand): void {
  if (u.unary(a)) return;
  if (a.kind === ZERO) return u.setZero(a.sign);
  if (a.kind === INFINITY) return a.sign ? u.setResult(0xbfff, 0x8000_0000 | 0, 0) : u.setInfinity(0);
  if (u.denormal(a)) return;
  const e = a.exp - BIAS;
  if (e >= 0) {
    // 2^±1 − 1 is exact, and raises PE on processors even so; beyond it the manual says nothing.
    u.flags |= PE;
    if (e === 0 && a.hi === (0x8000_0000 | 0) && a.lo === 0 && a.sign === 1)
      return u.setResult(0xbffe, 0x8000_0000 | 0, 0);
    return u.setOperand(a);
  }
  if (e < -TINY) {
    significand(x, a, 0);
    return deliver(u, x.multiply(LN2), e, a.sign);
  }
  significand(x, a, e);
  if (a.sign) x.negate();
  exp2m1(x);
  deliver(u, x, 0, 0);
}

/** b · log2 a. */
export function fyl2x(u: Rounder, a: Operand, b: Operand): void {
  if (u.binary(a, b)) return;
  if (a.kind !== ZERO && a.sign === 1) return u.invalid();
  if (a.kind === ZERO) {
    if (b.kind === ZERO) return u.invalid();
    if (b.kind === INFINITY) return u.setInfinity(b.sign ^ 1);
    if (u.raise(ZE)) u.setInfinity(b.sign ^ 1);
    return;
  }
  const one = a.kind !== INFINITY && a.exp === BIAS && a.hi === (0x8000_0000 | 0) && a.lo === 0;
  const below = a.exp < BIAS;
  if (a.kind === INFINITY) {
    if (b.kind === ZERO) return u.invalid();
    if (!u.denormal(b)) u.setInfinity(b.sign);
    return;
  }
  if (b.kind === INFINITY) {
    if (one) return u.invalid();
    if (!u.denormal(a)) u.setInfinity(below ? b.sign ^ 1 : b.sign);
    return;
  }
  if (u.denormal(a, b)) return;
  if (b.kind === ZERO || one) return u.setZero(below ? b.sign ^ 1 : b.sign);
  let n = a.exp - BIAS;
  if (a.hi === (0x8000_0000 | 0) && a.lo === 0) {
    count.setInt32(n);
    multiplyTo(u, count, b, 64);
    // Exact as it is, processors take it for inexact.
    u.flags |= (u.se & EXP_MAX) === 0 ? PE | UE : PE;
    return;
  }
  // The significand between √½ and √2.
  const upper = a.hi >>> 0 > 0xb504_f333;
  significand(x, a, upper ? -1 : 0);
  if (upper) n++;
  log2p1(x.addNumber(-1));
  product(u, x.addNumber(n), b);
}

/** The result is v · b. */
function product(u: Rounder, v: Double2, b: Operand): void {
  significand(y, b, 0);
  deliver(u, v.multiply(y), b.exp - BIAS, b.sign);
}

/** b · log2(a + 1). */
export function fyl2xp1(u: Rounder, a: Operand, b: Operand): void {
  if (u.binary(a, b)) return;
  if (a.kind === INFINITY) {
    if (a.sign === 1 || b.kind === ZERO) return u.invalid();
    if (!u.denormal(b)) u.setInfinity(b.sign);
    return;
  }
  if (b.kind === INFINITY) {
    if (a.kind === ZERO) return u.invalid();
    if (!u.denormal(a)) u.setInfinity(a.sign ^ b.sign);
    return;
  }
  if (u.denormal(a, b)) return;
  if (a.kind === ZERO || b.kind === ZERO) return u.setZero(a.sign ^ b.sign);
  const e = a.exp - BIAS;
  if (e < -TINY) {
    significand(x, a, 0);
    significand(y, b, 0);
    return deliver(u, x.multiply(LOG2E).multiply(y), e + b.exp - BIAS, a.sign ^ b.sign);
  }
  if (e >= 0 && a.sign === 1) return u.invalid();
  if (e > 60) return outOfRange(u, a, b);
  significand(x, a, e);
  if (a.sign) x.negate();
  // Bring 1 + x between √½ and √2.
  let n = 0;
  for (; x.h > 0.4142; n++) x.addNumber(-1).scale(0.5);
  for (; x.h < -0.2929; n--) x.scale(2).addNumber(1);
  log2p1(x);
  product(u, x.addNumber(n), b);
}

function outOfRange(u: Rounder, a: Operand, b: Operand): void {
  count.copy(a);
  fyl2x(u, count, b);
}

// ---- arctangent ------------------------------------------------------------------------------------------------

/** arctan(b / a) in the right quadrant: b is ST(1), a is ST(0). */
export function fpatan(u: Rounder, a: Operand, b: Operand): void {
  if (u.binary(a, b)) return;
  if (u.denormal(a, b)) return;
  if (b.kind === ZERO || (a.kind === INFINITY && b.kind !== INFINITY)) {
    if (a.sign === 0) return u.setZero(b.sign);
    return angle(u, b.sign, 1);
  }
  if (a.kind === INFINITY) return angle(u, b.sign, a.sign ? 0.75 : 0.25);
  if (b.kind === INFINITY || a.kind === ZERO) return angle(u, b.sign, 0.5);
  const e = b.exp - a.exp;
  const steep = e > 0 || (e === 0 && (b.hi >>> 0 > a.hi >>> 0 || (b.hi === a.hi && b.lo >>> 0 > a.lo >>> 0)));
  const distance = steep ? -e : e;
  significand(x, steep ? a : b, 0);
  significand(z, steep ? b : a, 0);
  x.divide(z);
  if (distance < -TINY) {
    // arctan t is t but for t³/3; against π it is nothing but a direction.
    if (!steep && a.sign === 0) return shallow(u, distance, b.sign);
    x.set(powerOfTwo(-100));
  } else {
    x.scale(powerOfTwo(distance));
    arctan(x);
  }
  // Now the angle between the nearest half axis and the vector.
  if (steep) {
    if (a.sign === 0) x.negate();
    x.add(HALF_PI);
  } else if (a.sign === 1) x.negate().add(PI);
  deliver(u, x, 0, b.sign);
}

function shallow(u: Rounder, n: number, sign: number): void {
  const exact = x.l === 0 && isShort(x.h);
  fromDouble2(u, x, n);
  if (exact) {
    u.ext = 0;
    u.nudge(false);
  }
  finish(u, sign);
}

/** Could a quotient be this number exactly? Then what follows decides its rounding. */
function isShort(h: number): boolean {
  return h === Math.fround(h);
}

/** The result is a multiple of π. */
function angle(u: Rounder, sign: number, times: number): void {
  x.copy(PI).multiplyNumber(times);
  deliver(u, x, 0, sign);
}

// ---- sine, cosine, tangent -------------------------------------------------------------------------------------

/** π/2 in units of 2^-65: 66 bits, as the processor has it. */
const PI_TOP = 3;
const PI_HIGH = 0x243f_6a88;
const PI_LOW = 0x85a3_08d3;
/** Which quarter turn `reduceAngle` found, 0 to 3; the rest of the angle, at most π/4, is in x. */
let quarter = 0;

/** Takes the angle |a| apart, a finite and below 2^63. */
function reduceAngle(a: Operand): void {
  const e = a.exp - BIAS;
  quarter = 0;
  // Under π/4 as 66 bits have it nothing is to be done.
  if (e < -1 || (e === -1 && a.hi >>> 0 < 0xc90f_daa2)) {
    significand(x, a, Math.max(e, -900));
    return;
  }
  // The angle is hi:lo · 2^(e+2) units: the significand shifted up bit by bit, less π/2 where it fits.
  let top = 0;
  let rh = a.hi >>> 0;
  let rl = a.lo >>> 0;
  let q = 0;
  for (let n = e + 2; n >= 0; n--) {
    q <<= 1;
    if (top > PI_TOP || (top === PI_TOP && (rh > PI_HIGH || (rh === PI_HIGH && rl >= PI_LOW)))) {
      const low = rl - PI_LOW;
      const middle = rh - PI_HIGH - (low < 0 ? 1 : 0);
      rl = low >>> 0;
      rh = middle >>> 0;
      top = top - PI_TOP - (middle < 0 ? 1 : 0);
      q |= 1;
    }
    if (n === 0) break;
    top = top * 2 + (rh >>> 31);
    rh = ((rh << 1) | (rl >>> 31)) >>> 0;
    rl = (rl << 1) >>> 0;
  }
  x.set(top * TWO32, 0)
    .addNumber(rh)
    .scale(TWO32)
    .addNumber(rl)
    .scale(powerOfTwo(-65));
  z.set(PI_TOP * TWO32, 0)
    .addNumber(PI_HIGH)
    .scale(TWO32)
    .addNumber(PI_LOW)
    .scale(powerOfTwo(-65));
  if (x.h > 0.7853981633974483) {
    x.sub(z);
    q++;
  }
  quarter = q & 3;
}

/** True when the operand is a number that the circular functions take: below 2^63. */
export function inRange(a: Operand): boolean {
  return a.kind > INFINITY || a.kind === INFINITY || a.exp < BIAS + 63;
}

export function fsin(u: Rounder, a: Operand): void {
  if (u.unary(a)) return;
  if (a.kind === INFINITY) return u.invalid();
  if (a.kind === ZERO) return u.setZero(a.sign);
  if (u.denormal(a)) return;
  if (a.exp < BIAS - TINY) return beside(u, a, false);
  reduceAngle(a);
  const sign = quarter & 2 ? a.sign ^ 1 : a.sign;
  if (quarter & 1) cosine(x);
  else sine(x);
  deliver(u, x, 0, sign);
}

const ONE = new Operand();
ONE.setInt32(1);

export function fcos(u: Rounder, a: Operand): void {
  if (u.unary(a)) return;
  if (a.kind === INFINITY) return u.invalid();
  if (a.kind === ZERO) return u.setOperand(ONE);
  if (u.denormal(a)) return;
  if (a.exp < BIAS - TINY) return beside(u, ONE, false);
  reduceAngle(a);
  const sign = quarter === 1 || quarter === 2 ? 1 : 0;
  if (quarter & 1) sine(x);
  else cosine(x);
  deliver(u, x, 0, sign);
}

export function ftan(u: Rounder, a: Operand): void {
  if (u.unary(a)) return;
  if (a.kind === INFINITY) return u.invalid();
  if (a.kind === ZERO) return u.setZero(a.sign);
  if (u.denormal(a)) return;
  if (a.exp < BIAS - TINY) return beside(u, a, true);
  reduceAngle(a);
  y.copy(x);
  sine(x);
  cosine(y);
  if (quarter & 1) y.divide(x).negate();
  deliver(u, quarter & 1 ? y : x.divide(y), 0, a.sign);
}
