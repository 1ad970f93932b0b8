/**
 * Numbers as the unevaluated sum of two doubles, for the transcendental functions: some 104 bits, exactly the same
 * on every host, since IEEE 754 leaves + − × ÷ no choice. After Dekker (1971) and Knuth (TAOCP vol. 2, 4.2.2).
 *
 * Operations work in place and allocate nothing. Magnitudes must stay well within a double's exponents.
 */
const SPLITTER = 0x8000001; // 2^27 + 1

export class Double2 {
  h = 0;
  l = 0;

  constructor(h = 0, l = 0) {
    this.h = h;
    this.l = l;
  }

  set(h: number, l = 0): this {
    this.h = h;
    this.l = l;
    return this;
  }

  copy(a: Double2): this {
    this.h = a.h;
    this.l = a.l;
    return this;
  }

  /** Makes `l` at most half a unit of `h`'s last place. */
  private renormalise(h: number, l: number): this {
    this.h = h + l;
    this.l = l - (this.h - h);
    return this;
  }

  add(a: Double2): this {
    const s = this.h + a.h;
    const t = s - this.h;
    const e = this.h - (s - t) + (a.h - t);
    const s2 = this.l + a.l;
    const t2 = s2 - this.l;
    const e2 = this.l - (s2 - t2) + (a.l - t2);
    this.renormalise(s, e + s2);
    return this.renormalise(this.h, this.l + e2);
  }

  addNumber(a: number): this {
    const s = this.h + a;
    const t = s - this.h;
    const e = this.h - (s - t) + (a - t);
    return this.renormalise(s, e + this.l);
  }

  negate(): this {
    this.h = -this.h;
    this.l = -this.l;
    return this;
  }

  sub(a: Double2): this {
    return this.negate().add(a).negate();
  }

  multiply(a: Double2): this {
    const p = this.h * a.h;
    const e = productError(this.h, a.h, p);
    return this.renormalise(p, e + (this.h * a.l + this.l * a.h));
  }

  multiplyNumber(a: number): this {
    const p = this.h * a;
    return this.renormalise(p, productError(this.h, a, p) + this.l * a);
  }

  /** By a power of two: exact. */
  scale(power: number): this {
    this.h *= power;
    this.l *= power;
    return this;
  }

  divide(a: Double2): this {
    const q = this.h / a.h;
    const p = q * a.h;
    let r = this.h - p - productError(q, a.h, p) + this.l - q * a.l;
    const q2 = r / a.h;
    r = r - q2 * a.h - q2 * a.l;
    return this.renormalise(q, q2 + r / a.h);
  }

  divideNumber(a: number): this {
    const q = this.h / a;
    const p = q * a;
    const r = this.h - p - productError(q, a, p) + this.l;
    return this.renormalise(q, r / a);
  }
}

/** a · b − p, where p is the rounded product: exact. */
function productError(a: number, b: number, p: number): number {
  let t = SPLITTER * a;
  const ah = t - (t - a);
  const al = a - ah;
  t = SPLITTER * b;
  const bh = t - (t - b);
  const bl = b - bh;
  return ah * bh - p + ah * bl + al * bh + al * bl;
}
