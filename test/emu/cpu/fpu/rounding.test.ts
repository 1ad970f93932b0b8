/** The soft-float core against exact arithmetic on BigInts: every rounding and precision control, masked. */
import { describe, expect, it } from 'vitest';
import {
  add,
  compare,
  divide,
  EQUAL,
  GREATER,
  LESS,
  multiply,
  squareRoot,
  UNORDERED,
} from '../../../../emu/cpu/fpu/arithmetic.ts';
import {
  fromDecimal,
  roundToInteger,
  toDecimal,
  toFloat32,
  toFloat64,
  toInteger,
} from '../../../../emu/cpu/fpu/convert.ts';
import { Operand, ZERO } from '../../../../emu/cpu/fpu/number.ts';
import { remainder } from '../../../../emu/cpu/fpu/remainder.ts';
import { OE, PE, Rounder, UE } from '../../../../emu/cpu/fpu/rounder.ts';
import { random } from '../../engine/world.ts';
import { type Exact, exactOf, type Format, root, round, roundWhole, sum } from './exact.ts';

const ROUNDS = 250;
const MASKED = 0x3f;
const PRECISIONS = [
  [0, 24],
  [2, 53],
  [3, 64],
] as const;

const u = new Rounder();
const a = new Operand();
const b = new Operand();

/** Exponents near `center`, significands random, short, or all ones. */
function draw(next: () => number, to: Operand, center: number, spread: number): void {
  const kind = next() % 5;
  const hi = kind === 0 ? 0x8000_0000 : kind === 1 ? 0xffff_ffff : kind === 2 ? next() & 0xfff0_0000 : next();
  const lo = kind === 0 ? next() % 3 : kind === 1 ? 0xffff_ffff - (next() % 3) : kind === 2 ? 0 : next();
  const exp = Math.max(0, Math.min(0x7ffe, center + (next() % (2 * spread + 1)) - spread));
  const normal = exp === 0 ? hi & 0x7fff_ffff : hi | 0x8000_0000;
  to.set80((next() & 0x8000) | exp, normal | 0, lo | 0);
}

const exact = (o: Operand) => exactOf(o, o.kind === ZERO);

function describeOperands(): string {
  const text = (o: Operand) =>
    `${o.sign ? '-' : '+'}${(o.hi >>> 0).toString(16)}.${(o.lo >>> 0).toString(16)}e${o.exp}`;
  return `${text(a)} ${text(b)} control ${u.control.toString(16)}`;
}

/** Checks the rounder's packed result and flags against an exact value that is not 0. */
function check(v: Exact, bits: number, rc: number): void {
  const f: Format = { bits, min: -16382, max: 16383 };
  const r = round(v, f, rc);
  const what = describeOperands();
  const sig = (BigInt(u.hi >>> 0) << 32n) | BigInt(u.lo >>> 0);
  const e = u.se & 0x7fff;
  const got = e === 0x7fff ? null : { sig, e: Math.max(1, e) - 16383 - 63 };
  const wanted = r.whole === null ? null : { sig: r.whole << BigInt(64 - bits), e: r.exponent - (64 - bits) };
  if (wanted && got) {
    // One value has one image, but a carry may stand one exponent higher.
    const shift = BigInt(got.e - wanted.e);
    expect(shift >= 0n ? got.sig << shift : got.sig >> -shift, what).toBe(wanted.sig);
  } else expect(got, what).toEqual(wanted);
  expect(u.se >> 15 === 1, what).toBe(r.negative);
  expect(u.flags, what).toBe((r.inexact ? PE : 0) | (r.tiny && r.inexact ? UE : 0) | (r.overflow ? OE : 0));
  expect(u.up, what).toBe(r.up ? 1 : 0);
}

function forAll(
  seed: number,
  body: (next: () => number, pc: number, bits: number, rc: number) => void,
): void {
  const next = random(seed);
  for (let n = 0; n < ROUNDS; n++)
    for (const [pc, bits] of PRECISIONS)
      for (let rc = 0; rc < 4; rc++) {
        body(next, pc, bits, rc);
      }
}

function begin(pc: number, rc: number): void {
  u.begin(MASKED | (pc << 8) | (rc << 10));
}

/** Denormal operands raise DE, which these tests do not look at. */
function dropDenormal(): void {
  u.flags &= ~2;
}

describe('arithmetic rounds as the exact value does', () => {
  it('sums and differences', () =>
    forAll(1, (next, pc, bits, rc) => {
      const center = next() % 4 === 0 ? 1 : next() % 4 === 0 ? 0x7ffd : 0x3fff;
      draw(next, a, center, 40);
      draw(next, b, center, 40);
      if (next() % 4 === 0) {
        b.copy(a);
        b.sign ^= 1;
        b.lo ^= next() % 4;
      }
      if (a.kind === ZERO || b.kind === ZERO) return;
      const subtract = (next() & 1) === 1;
      begin(pc, rc);
      add(u, a, b, subtract);
      dropDenormal();
      const y = exact(b);
      const v = sum(exact(a), subtract ? { ...y, negative: !y.negative } : y);
      if (v.n !== 0n) return check(v, bits, rc);
      expect([u.se, u.hi, u.lo, u.flags]).toEqual([rc === 1 ? 0x8000 : 0, 0, 0, 0]);
    }));

  it('products', () =>
    forAll(2, (next, pc, bits, rc) => {
      const center = 0x3fff + (next() % 3) * 8190 - 8190;
      draw(next, a, center, 60);
      draw(next, b, center, 60);
      if (a.kind === ZERO || b.kind === ZERO) return;
      begin(pc, rc);
      multiply(u, a, b);
      dropDenormal();
      const [x, y] = [exact(a), exact(b)];
      check({ negative: x.negative !== y.negative, n: x.n * y.n, d: x.d * y.d }, bits, rc);
    }));

  it('quotients', () =>
    forAll(3, (next, pc, bits, rc) => {
      const offset = (next() % 3) * 8190 - 8190;
      draw(next, a, 0x3fff + offset, 60);
      draw(next, b, 0x3fff - offset, 60);
      if (a.kind === ZERO || b.kind === ZERO) return;
      begin(pc, rc);
      divide(u, a, b);
      dropDenormal();
      const [x, y] = [exact(a), exact(b)];
      check({ negative: x.negative !== y.negative, n: x.n * y.d, d: x.d * y.n }, bits, rc);
    }));

  it('square roots', () =>
    forAll(4, (next, pc, bits, rc) => {
      draw(next, a, 0x3fff + (next() % 90) - 45, 3);
      a.sign = 0;
      begin(pc, rc);
      squareRoot(u, a);
      check(root(exact(a)), bits, rc);
    }));
});

describe('conversions round as the exact value does', () => {
  const FORMATS = [
    { bits: 24, min: -126, max: 127, top: 0xff, fraction: 23n },
    { bits: 53, min: -1022, max: 1023, top: 0x7ff, fraction: 52n },
  ];

  it('to floats of 32 and 64 bits', () =>
    forAll(5, (next, pc, _, rc) => {
      const f = FORMATS[next() & 1];
      draw(next, a, 0x3fff + [0, f.min, f.max, f.min - f.bits][next() % 4], 4);
      begin(pc, rc);
      let image: bigint;
      if (f.bits === 24) image = BigInt(toFloat32(u, a) >>> 0);
      else {
        toFloat64(u, a);
        image = (BigInt(u.hi >>> 0) << 32n) | BigInt(u.lo >>> 0);
      }
      const r = round(exact(a), f, rc);
      const what = describeOperands();
      const e = Number((image >> f.fraction) & BigInt(f.top));
      const sig = (image & ((1n << f.fraction) - 1n)) | (e === 0 ? 0n : 1n << f.fraction);
      if (r.whole === null) expect(e, what).toBe(f.top);
      else {
        const shift = BigInt(Math.max(1, e) - f.max - f.bits + 1 - r.exponent);
        expect(shift >= 0n ? sig << shift : sig >> -shift, what).toBe(r.whole);
      }
      expect(u.flags, what).toBe(
        (r.inexact ? PE : 0) | (r.tiny && r.inexact ? UE : 0) | (r.overflow ? OE : 0),
      );
      expect(u.up, what).toBe(r.up ? 1 : 0);
    }));

  it('to whole numbers in memory, in the register and in decimal', () =>
    forAll(6, (next, pc, _, rc) => {
      draw(next, a, 0x3fff + (next() % 66) - 1, 1);
      const x = exact(a);
      const { q, inexact, up } = roundWhole(x, rc);
      const signed = x.negative ? -q : q;
      const bits = [16, 32, 64][next() % 3];
      begin(pc, rc);
      toInteger(u, a, bits);
      const limit = 1n << BigInt(bits - 1);
      const fits = signed >= -limit && signed < limit;
      const got = BigInt.asIntN(bits, (BigInt(u.hi >>> 0) << 32n) | BigInt(u.lo >>> 0));
      expect([got, u.flags, u.up]).toEqual(fits ? [signed, inexact ? PE : 0, up ? 1 : 0] : [-limit, 1, 0]);
      begin(pc, rc);
      toDecimal(u, a);
      if (q < 10n ** 18n) {
        const digits =
          BigInt(((u.se & 0x7fff) >>> 0).toString(16)) * 10n ** 16n +
          BigInt((u.hi >>> 0).toString(16)) * 10n ** 8n +
          BigInt((u.lo >>> 0).toString(16));
        expect([digits, u.se >> 15]).toEqual([q, a.sign]);
        fromDecimal(b, u.lo, u.hi, u.se);
        if (q !== 0n) expect(exact(b).n / exact(b).d).toBe(q);
      } else expect([u.se, u.hi >>> 0, u.flags]).toEqual([0xffff, 0xc0000000, 1]);
      begin(pc, rc);
      roundToInteger(u, a);
      b.set80(u.se, u.hi, u.lo);
      const y = exact(b);
      expect([y.n / y.d, u.flags]).toEqual([q, inexact ? PE : 0]);
    }));
});

describe('remainders and order are exact', () => {
  const state = { valid: false, incomplete: false, quotient: 0 };

  it('FPREM and FPREM1', () =>
    forAll(7, (next, pc, _, rc) => {
      draw(next, a, 0x3fff + (next() % 80), 1);
      draw(next, b, 0x3fff, 3);
      const nearest = (next() & 1) === 1;
      begin(pc, rc);
      remainder(u, a, b, nearest, state);
      const [x, y] = [exact(a), exact(b)];
      const [n, d] = [x.n * y.d, x.d * y.n];
      const got = new Operand();
      got.set80(u.se, u.hi, u.lo);
      const r = exact(got);
      const what = describeOperands();
      expect(u.flags, what).toBe(0);
      if (state.incomplete) {
        // Less by a multiple of b, and by a factor of 2^31 at least.
        expect(((x.n * r.d - r.n * x.d) * y.d) % (x.d * r.d * y.n), what).toBe(0n);
        expect(a.exp - got.exp, what).toBeGreaterThanOrEqual(31);
        return;
      }
      let q = n / d;
      const rest = n % d;
      if (nearest && (2n * rest > d || (2n * rest === d && (q & 1n) === 1n))) q++;
      // |x| − q·|y|, with x's sign.
      const wanted = sum({ ...x, negative: false }, { negative: true, n: q * y.n, d: y.d });
      expect(r.n * wanted.d, what).toBe(wanted.n * r.d);
      if (wanted.n !== 0n) expect(got.sign === 1, what).toBe(x.negative !== wanted.negative);
      expect(state.quotient & 7, what).toBe(Number(q & 7n));
    }));

  it('comparison', () =>
    forAll(8, (next, pc, _, rc) => {
      draw(next, a, 0x3fff, 2);
      draw(next, b, 0x3fff, 2);
      if (next() % 3 === 0) b.copy(a);
      begin(pc, rc);
      const d = sum(exact(a), { ...exact(b), negative: b.sign === 0 });
      expect(compare(u, a, b, false)).toBe(d.n === 0n ? EQUAL : d.negative ? LESS : GREATER);
    }));

  it('a NaN is unordered, and invalid unless it is quiet and may be', () => {
    a.set80(0x7fff, 0xc000_0000 | 0, 0);
    b.set80(0x3fff, 0x8000_0000 | 0, 0);
    begin(3, 0);
    expect([compare(u, a, b, true), u.flags]).toEqual([UNORDERED, 0]);
    expect([compare(u, a, b, false), u.flags]).toEqual([UNORDERED, 1]);
    a.set80(0x7fff, 0xa000_0000 | 0, 0);
    begin(3, 0);
    expect([compare(u, a, b, true), u.flags]).toEqual([UNORDERED, 1]);
  });
});
