/** 256 bits, one a vector: the form of IRR, ISR and TMR, eight registers of 32 bits each. */

const WORDS = 8;

export class VectorSet {
  private readonly words = new Int32Array(WORDS);

  has(vector: number): boolean {
    return ((this.words[vector >> 5] >>> (vector & 31)) & 1) !== 0;
  }

  set(vector: number, on: boolean): void {
    const bit = 1 << (vector & 31);
    if (on) this.words[vector >> 5] |= bit;
    else this.words[vector >> 5] &= ~bit;
  }

  /** The highest vector in the set, or -1. */
  highest(): number {
    for (let n = WORDS - 1; n >= 0; n--)
      if (this.words[n] !== 0) return n * 32 + 31 - Math.clz32(this.words[n]);
    return -1;
  }

  /** Vectors 32n to 32n + 31, unsigned. */
  word(n: number): number {
    return this.words[n] >>> 0;
  }

  clear(): void {
    this.words.fill(0);
  }

  save(): number[] {
    return [...this.words];
  }

  load(words: number[]): void {
    this.words.set(words);
  }
}
