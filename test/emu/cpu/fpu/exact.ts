/**
 * Exact arithmetic to hold the FPU's soft floats to: numbers as ratios of BigInts, rounded by the definition of
 * IEEE 754 and of the SDM's masked responses. Nothing of emu/ is used to compute.
 */
import type { Operand } from '../../../../emu/cpu/fpu/number.ts';

/** |value| = n / d; `negative` apart, so that zeros have signs. */
export interface Exact {
  negative: boolean;
  n: bigint;
  d: bigint;
}

export interface Format {
  /** Bits of precision, smallest and largest exponent of a normal number's leading bit. */
  bits: number;
  min: number;
  max: number;
}

export interface Rounded {
  negative: boolean;
  /** The value is whole · 2^exponent; infinity is a null. */
  whole: bigint | null;
  exponent: number;
  inexact: boolean;
  tiny: boolean;
  overflow: boolean;
  up: boolean;
}

export function power(e: number): { n: bigint; d: bigint } {
  return e >= 0 ? { n: 1n << BigInt(e), d: 1n } : { n: 1n, d: 1n << BigInt(-e) };
}

/** The number that an operand of finite kind stands for. */
export function exactOf(o: Operand, isZero: boolean): Exact {
  const sig = (BigInt(o.hi >>> 0) << 32n) | BigInt(o.lo >>> 0);
  const p = power(o.exp - 16383 - 63);
  return { negative: o.sign === 1, n: isZero ? 0n : sig * p.n, d: p.d };
}

/** floor(log2(n/d)). */
function logarithm(n: bigint, d: bigint): number {
  let e = n.toString(2).length - d.toString(2).length;
  const p = power(e);
  if (n * p.d < d * p.n) e--;
  return e;
}

/** rc as in the control word: 0 nearest even, 1 down, 2 up, 3 to zero. */
function divideRounded(
  n: bigint,
  d: bigint,
  negative: boolean,
  rc: number,
): { q: bigint; inexact: boolean; up: boolean } {
  const q = n / d;
  const r = n % d;
  const up =
    r !== 0n &&
    (rc === 0
      ? 2n * r > d || (2n * r === d && (q & 1n) === 1n)
      : rc === 1
        ? negative
        : rc === 2
          ? !negative
          : false);
  return { q: up ? q + 1n : q, inexact: r !== 0n, up };
}

/** Rounds a number that is not 0 as with all exceptions masked. Tininess is found after rounding. */
export function round(v: Exact, f: Format, rc: number): Rounded {
  const { negative, n, d } = v;
  const at = (exponent: number) => {
    const p = power(exponent);
    return divideRounded(n * p.d, d * p.n, negative, rc);
  };
  const e = logarithm(n, d);
  const free = at(e - f.bits + 1);
  const carried = free.q === 1n << BigInt(f.bits);
  const tiny = e + (carried ? 1 : 0) < f.min;
  const exponent = Math.max(e, f.min) - f.bits + 1;
  const { q, inexact, up } = at(exponent);
  const overflow = e + (carried ? 1 : 0) > f.max;
  if (!overflow) return { negative, whole: q, exponent, inexact, tiny, overflow, up };
  const away = rc === 0 || (rc === 1 && negative) || (rc === 2 && !negative);
  const largest = (1n << BigInt(f.bits)) - 1n;
  return {
    negative,
    whole: away ? null : largest,
    exponent: f.max - f.bits + 1,
    inexact: true,
    tiny,
    overflow,
    up: away,
  };
}

/** A whole number by rounding. */
export function roundWhole(v: Exact, rc: number): { q: bigint; inexact: boolean; up: boolean } {
  return divideRounded(v.n, v.d, v.negative, rc);
}

export function sum(a: Exact, b: Exact): Exact {
  const x = (a.negative ? -a.n : a.n) * b.d + (b.negative ? -b.n : b.n) * a.d;
  return { negative: x < 0n, n: x < 0n ? -x : x, d: a.d * b.d };
}

/** floor(√(n · 4^k / d)) for a k large enough that the rest is only sticky; as a ratio beside the root. */
export function root(a: Exact): Exact {
  const bits = 160n;
  const scaled = (a.n << (2n * bits)) / a.d;
  let x = 1n << BigInt((scaled.toString(2).length + 1) >> 1);
  for (;;) {
    const next = (x + scaled / x) >> 1n;
    if (next >= x) break;
    x = next;
  }
  const exact = x * x * a.d === a.n << (2n * bits);
  // An inexact root lies between x and x + 1: far from any border of rounding, so a half more stands for it.
  return { negative: false, n: exact ? x : 2n * x + 1n, d: 1n << (exact ? bits : bits + 1n) };
}
