/** Does the TLB keep, lose and classify translations as two plain LRU lists would: itself and its unflushed twin? */
import { describe, expect, it } from 'vitest';
import { BIG, TLB_G, TLB_W, Tlb } from '../../../emu/mmu/tlb.ts';
import { State } from '../../../emu/state.ts';

const make = (entries = 8, ways = 0) => new Tlb('t', entries, ways, new State(1 << 20));

/** LRU by list, most recent first. */
class List {
  readonly items: string[] = [];
  private readonly size: number;
  constructor(size: number) {
    this.size = size;
  }
  /** True on a hit; either way the item is the most recent afterwards. */
  use(item: string): boolean {
    const at = this.items.indexOf(item);
    if (at >= 0) this.items.splice(at, 1);
    this.items.unshift(item);
    if (this.items.length > this.size) this.items.pop();
    return at >= 0;
  }
  remove(test: (item: string) => boolean): void {
    for (let i = this.items.length - 1; i >= 0; i--) if (test(this.items[i])) this.items.splice(i, 1);
  }
}

/** One access as the MMU makes it. */
function access(t: Tlb, page: number, directory: number, global: boolean): void {
  const e = t.find(page);
  if (e < 0) t.insert(page, page << 12, global ? TLB_G : 0, directory);
  else if (t.paired(e)) t.touch(e);
  else t.pair(e, directory);
}

describe('TLB', () => {
  it('finds what was inserted, by small and large page number', () => {
    const t = make();
    t.insert(0xc0000, 0, TLB_W, 1);
    t.insert((0xc0400000 >>> 22) | BIG, 0x400000, 0, 1);
    expect(t.find(0xc0000)).toBeGreaterThanOrEqual(0);
    expect(t.find((0xc0400000 >>> 22) | BIG)).toBeGreaterThanOrEqual(0);
    expect(t.find(0xc0400)).toBe(-1);
  });

  it('flushes all but global entries on MOV CR3, and everything when the rules change', () => {
    const t = make();
    t.insert(1, 0x1000, 0, 7);
    t.insert(2, 0x2000, TLB_G, 7);
    t.flush();
    expect([t.find(1), t.find(2) >= 0]).toEqual([-1, true]);
    t.flushAll();
    expect(t.find(2)).toBe(-1);
  });

  it('counts a miss as a switch miss when only a switch took the entry away', () => {
    const t = make();
    access(t, 1, 100, false);
    t.flush();
    access(t, 1, 200, false); // same page, other directory: another translation
    t.flush();
    access(t, 1, 100, false);
    expect([t.misses, t.switchMisses]).toEqual([3, 1]);
  });

  it('calls a miss of a page that INVLPG dropped an ordinary one', () => {
    const t = make();
    access(t, 1, 100, false);
    t.invalidate(0x1000);
    access(t, 1, 100, false);
    expect([t.misses, t.switchMisses]).toEqual([2, 0]);
  });

  it('says which entry it drops', () => {
    const t = make(2);
    const dropped: number[] = [];
    t.onDrop = (_, key) => dropped.push(key);
    for (const page of [1, 2, 3]) access(t, page, 1, false);
    expect(dropped).toEqual([1]);
  });

  const GEOMETRIES = [
    { entries: 8, ways: 0, globals: false },
    { entries: 8, ways: 0, globals: true },
    { entries: 12, ways: 3, globals: true },
    { entries: 80, ways: 40, globals: true },
    { entries: 64, ways: 0, globals: true },
  ];
  for (const { entries, ways, globals } of GEOMETRIES)
    it(`${entries} entries, ${ways} ways: equals two plain lists a set over random switches and accesses${globals ? ', with global pages' : ''}`, () => {
      const t = make(entries, ways);
      const sets = ways === 0 ? 1 : entries / ways;
      const lists = () => Array.from({ length: sets }, () => new List(entries / sets));
      const real = lists();
      const twin = lists();
      const dropped: number[] = [];
      t.onDrop = cell => dropped.push(cell);
      let seed = 99;
      const random = (n: number) => {
        seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
        return (seed >>> 8) % n;
      };
      let directory = 1;
      const expected = { misses: 0, switchMisses: 0, globalHits: 0 };
      const pages = entries * 2 - 2;
      for (let n = 0; n < 40_000; n++) {
        const what = random(20 * (entries >> 2));
        if (what === 0) {
          directory = 1 + random(3);
          t.flush();
          for (const list of real) list.remove(item => !item.startsWith('g'));
          continue;
        }
        if (what === 2 && random(40) === 0) {
          t.flushAll();
          for (const list of [...real, ...twin]) list.remove(() => true);
          continue;
        }
        // What is derived is made anew; stamps run out.
        if (what === 3) t.load();
        if (what === 4) t.recency.renumber();
        const page = random(pages);
        const set = page & (sets - 1);
        if (what === 1) {
          t.invalidate(page << 12);
          const same = (item: string) => item.split(':')[1] === String(page);
          real[set].remove(same);
          twin[set].remove(same);
          continue;
        }
        const global = globals && page < pages / 3;
        const before = t.find(page);
        const cell = before >= 0 && t.paired(before) ? t.cell[before] : -1;
        access(t, page, directory, global);
        // Whoever keeps the address of a paired entry's stamp may go on with it.
        if (cell >= 0 && t.cell[t.find(page)] !== cell) expect.fail(`the stamp of page ${page} moved`);
        const name = global ? `g:${page}` : `${directory}:${page}`;
        const hit = real[set].use(name);
        const twinHit = twin[set].use(name);
        if (!hit) expected.misses++;
        if (!hit && twinHit) expected.switchMisses++;
        if (hit && !twinHit) expected.globalHits++;
        if (
          t.misses !== expected.misses ||
          t.switchMisses !== expected.switchMisses ||
          t.globalHits !== expected.globalHits
        )
          expect([t.misses, t.switchMisses, t.globalHits]).toEqual(Object.values(expected));
        if (n % 64 !== 0) continue;
        const items = [...real[set].items];
        const held = items.map(item => t.find(Number(item.split(':')[1])));
        expect(held.every(e => e >= 0)).toBe(true);
        expect([...held].sort((a, b) => t.lastUse(b) - t.lastUse(a))).toEqual(held);
        const only = twin.flatMap((list, s) => list.items.filter(item => !real[s].items.includes(item)));
        const found = t.onlyInTwin().map(o => `${o.directory < 0 ? 'g' : o.directory}:${o.key}`);
        expect(found.sort()).toEqual(only.sort());
      }
      expect(expected.switchMisses).toBeGreaterThan(100);
      if (globals) expect(expected.globalHits).toBeGreaterThan(10);
      expect(dropped.length).toBeGreaterThan(100);
    });
});
