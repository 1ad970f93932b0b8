/** A seeded source of numbers for the vector generator (sfc32), and the values that are worth trying. */
import { IMAGE, IMAGE_SIZE } from './format.ts';

const EDGES8 = [0, 1, 2, 0x7f, 0x80, 0x81, 0xfe, 0xff, 0x0f, 0x10, 0x55, 0x99, 0x9a];
const EDGES16 = [0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0x8001, 0xfffe, 0xffff, 0x5555, 0xff80];
const EDGES32 = [
  0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, -0x80000000, -0x7fffffff, -1,
];
EDGES32.push(-2, 0x55555555, -0x80, -0x8000, 0x0000ff00);

export class Random {
  private a: number;
  private b = 0x9e3779b9;
  private c = 0x243f6a88;
  private d = 1;

  constructor(seed: number) {
    this.a = seed | 0;
    for (let i = 0; i < 12; i++) this.word();
  }

  /** Any int32. */
  word(): number {
    const t = (((this.a + this.b) | 0) + this.d) | 0;
    this.d = (this.d + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + t) | 0;
    return t;
  }

  /** 0 to n-1. */
  below(n: number): number {
    return (this.word() >>> 0) % n;
  }

  /** `from` to `to`, both included. */
  between(from: number, to: number): number {
    return from + this.below(to - from + 1);
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }

  /** An edge value or any value of `bytes` bytes (1, 2 or 4), sign-extended or not as it falls. */
  value(bytes: number): number {
    if (this.chance(25)) return bytes === 4 ? this.safeWord() : this.below(bytes === 1 ? 0x100 : 0x10000);
    return this.pick(bytes === 1 ? EDGES8 : bytes === 2 ? EDGES16 : EDGES32);
  }

  /** A register's contents: an edge in one of its views. */
  register(): number {
    if (this.chance(50)) return this.pick(EDGES32);
    const kind = this.below(8);
    if (kind < 5) return this.value(4);
    if (kind === 5) return (this.pick([0x1234, 0, 0xffff, 0x8000]) << 16) | this.value(2);
    return (this.pick([0, 0x4321, 0x7fff, 0xffff]) << 16) | (this.value(1) << 8) | this.value(1);
  }

  /** Any word that is no address in or near the harness's image. */
  private safeWord(): number {
    const v = this.word();
    const near = v >>> 0 >= IMAGE - IMAGE_SIZE && v >>> 0 < IMAGE + 2 * IMAGE_SIZE;
    return near ? v ^ 0x40000000 : v;
  }
}
