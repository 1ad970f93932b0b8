/** The functions on double-doubles against series in fixed point with 256 bits: errors are below 2^-95. */
import { describe, expect, it } from 'vitest';
import { Double2 } from '../../../../emu/cpu/fpu/double-double.ts';
import {
  arctan,
  cosine,
  exp2m1,
  HALF_PI,
  LN2,
  LOG2E,
  log2p1,
  PI,
  sine,
} from '../../../../emu/cpu/fpu/functions.ts';
import { random } from '../../engine/world.ts';

const BITS = 256n;
const ONE = 1n << BITS;
const ROUNDS = 200;
const LIMIT = 95n;

const mul = (a: bigint, b: bigint) => (a * b) >> BITS;
const div = (a: bigint, b: bigint) => (a << BITS) / b;

/** A double, exactly (multiples of 2^-200 and above). */
function fixed(v: number): bigint {
  let e = 0;
  for (; !Number.isInteger(v); e++) v *= 2;
  return (BigInt(v) << BITS) >> BigInt(e);
}

const fixed2 = (v: Double2) => fixed(v.h) + fixed(v.l);

/** Σ x^(2k+1)/(2k+1), with alternating signs for `sign` −1. */
function odd(x: bigint, sign: bigint): bigint {
  const square = sign * mul(x, x);
  let sum = 0n;
  for (let k = 0n, term = x; term !== 0n && k < 2000n; k++, term = mul(term, square))
    sum += term / (2n * k + 1n);
  return sum;
}

const ln2 = 2n * odd(ONE / 3n, 1n);
const pi = 4n * (4n * odd(ONE / 5n, -1n) - odd(ONE / 239n, -1n));

function exp(x: bigint): bigint {
  let sum = ONE;
  let term = ONE;
  for (let k = 1n; term !== 0n && k < 400n; k++) {
    term = mul(term, x) / k;
    sum += term;
  }
  return sum;
}

function sin(x: bigint, from: bigint): bigint {
  let term = from === 1n ? x : ONE;
  let sum = term;
  for (let k = from; term !== 0n && term !== -1n; k += 2n) {
    term = -mul(mul(term, x), x) / ((k + 1n) * (k + 2n));
    sum += term;
  }
  return sum;
}

function root(v: bigint): bigint {
  const n = v << BITS;
  let x = 1n << BigInt((n.toString(2).length + 1) >> 1);
  for (;;) {
    const next = (x + n / x) >> 1n;
    if (next >= x) return x;
    x = next;
  }
}

/** arctan x = 2 arctan(x / (1 + √(1 + x²))), thrice, then the series. */
function atan(x: bigint): bigint {
  for (let n = 0; n < 3; n++) x = div(x, ONE + root(ONE + mul(x, x)));
  return 8n * odd(x, -1n);
}

function near(v: Double2, wanted: bigint, what: string): void {
  const error = fixed2(v) - wanted;
  const size = wanted < 0n ? -wanted : wanted;
  expect((error < 0n ? -error : error) << LIMIT, what).toBeLessThan(size);
}

/** Holds `f` to `reference` for numbers of 64 bits between `low` and `high`, small ones among them. */
function hold(
  seed: number,
  low: number,
  high: number,
  f: (x: Double2) => void,
  reference: (x: bigint) => bigint,
): void {
  const next = random(seed);
  const x = new Double2();
  for (let n = 0; n < ROUNDS; n++) {
    const h = low + ((high - low) * next()) / 2 ** 32;
    const scale = next() % 3 === 0 ? 2 ** -(next() % 60) : 1;
    x.set(h, h * 2 ** -54 * (next() / 2 ** 33)).scale(scale);
    const given = fixed2(x);
    f(x);
    near(x, reference(given), `${h} · ${scale}`);
  }
}

describe('functions are right to 95 bits', () => {
  it('constants', () => {
    near(PI, pi, 'π');
    near(HALF_PI, pi / 2n, 'π/2');
    near(LN2, ln2, 'ln 2');
    near(LOG2E, div(ONE, ln2), 'log2 e');
  });

  it('2^x − 1', () => hold(1, -1, 1, exp2m1, x => exp(mul(x, ln2)) - ONE));
  it('log2(1 + x)', () => hold(2, -0.29, 0.41, log2p1, x => div(2n * odd(div(x, 2n * ONE + x), 1n), ln2)));
  it('arctan x', () => hold(3, 0, 1, arctan, atan));
  it('sin x', () => hold(4, -0.785, 0.785, sine, x => sin(x, 1n)));
  it('cos x', () => hold(5, -0.785, 0.785, cosine, x => sin(x, 0n)));
});
