/** Does a cache hit, evict and age as a list of recently used lines would? */
import { describe, expect, it } from 'vitest';
import { Cache } from '../../../emu/mmu/cache.ts';

const make = (size = 1024, ways = 4, line = 64) =>
  new Cache('test', size, ways, line, new Int32Array(size / line));

/** The same cache written the obvious way: a list a set, most recent first. */
class Reference {
  readonly sets: { line: number; dirty: boolean }[][];
  private readonly ways: number;
  constructor(sets: number, ways: number) {
    this.sets = Array.from({ length: sets }, () => []);
    this.ways = ways;
  }
  set(line: number) {
    return this.sets[line % this.sets.length];
  }
  touch(line: number): boolean {
    const set = this.set(line);
    const at = set.findIndex(e => e.line === line);
    if (at < 0) return false;
    set.unshift(...set.splice(at, 1));
    return true;
  }
  insert(line: number, dirty: boolean): number {
    const set = this.set(line);
    set.unshift({ line, dirty });
    const victim = set.length > this.ways ? set.pop() : undefined;
    return victim?.dirty ? victim.line : -1;
  }
}

describe('cache', () => {
  it('misses when empty, hits what was put in, and evicts the least recently used way', () => {
    const c = make(256, 4); // one set
    expect(c.touch(7)).toBe(false);
    for (const line of [1, 2, 3, 4]) c.insert(line, false);
    expect(c.touch(1)).toBe(true);
    c.insert(5, false);
    expect([1, 2, 3, 4, 5].map(l => c.holds(l))).toEqual([true, false, true, true, true]);
  });

  it('gives back the line number of a dirty victim only', () => {
    const c = make(128, 2);
    c.insert(10, false);
    c.insert(11, false);
    c.touch(10);
    c.markDirty(10);
    expect(c.insert(12, false)).toBe(-1);
    expect(c.insert(13, false)).toBe(10);
  });

  it('closes the gap when a line is invalidated, and keeps the order of the rest', () => {
    const c = make(256, 4);
    for (const line of [1, 2, 3, 4]) c.insert(line, false);
    c.invalidate(3);
    c.insert(5, false);
    expect([1, 2, 4, 5].every(l => c.holds(l))).toBe(true);
    c.insert(6, false);
    expect(c.holds(1)).toBe(false);
  });

  it('holds line numbers of the top of 4 GiB, whose tags use bit 31 of nothing', () => {
    const c = make(1024, 4, 32);
    const top = 0xffff_ffe0 >>> 5;
    c.insert(top, true);
    expect(c.holds(top)).toBe(true);
    c.clean(top);
    expect(c.occupancy()).toEqual({ lines: 1, dirty: 0 });
  });

  it('equals a reference over 50,000 random accesses', () => {
    const c = make(2048, 4, 64);
    const r = new Reference(8, 4);
    let seed = 12345;
    const random = (n: number) => {
      seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
      return (seed >>> 8) % n;
    };
    for (let n = 0; n < 50_000; n++) {
      const line = random(80);
      const dirty = random(3) === 0;
      const hit = r.touch(line);
      expect(c.touch(line)).toBe(hit);
      if (!hit) expect(c.insert(line, dirty)).toBe(r.insert(line, dirty));
      else if (dirty) {
        c.markDirty(line);
        r.set(line)[0].dirty = true;
      }
    }
  });

  it('refuses a geometry that is not a power of two', () => {
    expect(() => make(1000, 4, 64)).toThrow(RangeError);
    expect(() => make(1024, 3, 64)).toThrow(RangeError);
  });
});
