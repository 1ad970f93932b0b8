/**
 * The functions behind the transcendental instructions, on double-doubles: series on reduced arguments. Constants
 * are computed when the module is loaded, each from a formula, so that none has to be believed. Relative errors are
 * below 2^-95; a result is rounded once, to 64 bits.
 */
import { Double2 } from './double-double.ts';

const t = new Double2();
const square = new Double2();
const power = new Double2();
const small = new Double2();

/** Σ x^(2k+1)/(2k+1) with alternating signs if `sign` is −1 (arctangent), else artanh; for small |x|. */
function oddSeries(x: Double2, terms: number, sign: number): void {
  square.copy(x).multiply(x);
  if (sign < 0) square.negate();
  power.set(0);
  for (let k = terms; k >= 0; k--) {
    power.multiply(square);
    t.set(1).divideNumber(2 * k + 1);
    power.add(t);
  }
  x.multiply(power);
}

/** arctan(1/n). */
function arctanInverse(n: number): Double2 {
  const v = new Double2(1).divideNumber(n);
  oddSeries(v, 60, -1);
  return v;
}

/** π by Machin's formula. */
export const PI = arctanInverse(5).multiplyNumber(16).sub(arctanInverse(239).multiplyNumber(4));
export const HALF_PI = new Double2().copy(PI).scale(0.5);
/** ln 2 = 2 artanh(1/3), and its inverse. */
export const LN2 = new Double2(1).divideNumber(3);
oddSeries(LN2, 40, 1);
LN2.scale(2);
export const LOG2E = new Double2(1).divide(LN2);
const TWO_LOG2E = new Double2().copy(LOG2E).scale(2);

/** 1/n! as far as the series below go. */
const INVERSE_FACTORIAL: Double2[] = [new Double2(1)];
for (let n = 1; n <= 32; n++)
  INVERSE_FACTORIAL.push(new Double2().copy(INVERSE_FACTORIAL[n - 1]).divideNumber(n));

/** arctan(k/8), by arctan x + arctan(1/8) = arctan((x + 1/8)/(1 − x/8)) the other way round. */
const ARCTAN: Double2[] = [new Double2(0)];
for (let k = 1; k <= 8; k++) {
  // arctan(k/8) − arctan((k−1)/8) = arctan(8 / (64 + k(k−1))).
  const step = new Double2(8).divideNumber(64 + k * (k - 1));
  oddSeries(step, 60, -1);
  ARCTAN.push(step.add(ARCTAN[k - 1]));
}

/** x becomes 2^x − 1, |x| ≤ 1, x not 0. */
export function exp2m1(x: Double2): void {
  x.multiply(LN2);
  power.set(0);
  for (let n = 31; n >= 1; n--) power.add(INVERSE_FACTORIAL[n]).multiply(x);
  x.copy(power);
}

/** x becomes log2(1 + x) for −0.3 ≤ x ≤ 0.42, with x's relative error. */
export function log2p1(x: Double2): void {
  small.copy(x).addNumber(2);
  x.divide(small);
  oddSeries(x, 22, 1);
  x.multiply(TWO_LOG2E);
}

/** x becomes arctan x, 0 ≤ x ≤ 1. */
export function arctan(x: Double2): void {
  const k = Math.floor(x.h * 8 + 0.5);
  if (k > 0) {
    small.copy(x).multiplyNumber(k / 8);
    small.addNumber(1);
    x.addNumber(-k / 8).divide(small);
  }
  oddSeries(x, 15, -1);
  x.add(ARCTAN[k]);
}

/** x becomes sin x, |x| ≤ π/4. */
export function sine(x: Double2): void {
  square.copy(x).multiply(x).negate();
  power.set(0);
  for (let n = 29; n >= 1; n -= 2) power.multiply(square).add(INVERSE_FACTORIAL[n]);
  x.multiply(power);
}

/** x becomes cos x, |x| ≤ π/4. */
export function cosine(x: Double2): void {
  square.copy(x).multiply(x).negate();
  power.set(0);
  for (let n = 28; n >= 0; n -= 2) power.multiply(square).add(INVERSE_FACTORIAL[n]);
  x.copy(power);
}
