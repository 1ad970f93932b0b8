/**
 * Guests that switch page tables, miss their TLBs, go from page to page and change page tables under way: the compiled
 * engine's walks (cpu/jit/walks.ts), flushes and dispatch must leave TLBs, twins, recency and all that is counted as the
 * one model does, whatever the TLBs' geometry.
 */
import { describe, expect, it } from 'vitest';
import type { EngineKind } from '../../../emu/board.ts';
import type { Machine } from '../../../emu/machine.ts';
import type { Tlb } from '../../../emu/mmu/tlb.ts';
import { profiles } from '../../../emu/profile/index.ts';
import type { Profile } from '../../../emu/profile/profile.ts';
import { CODE, HANDLERS, Rig } from '../cpu/rig.ts';
import { Invariants } from '../fuzz/invariants.ts';
import { figures, random } from './world.ts';

/** Page directories, then two tables for each: the first 4 MiB, and the window. */
const TABLES = 0x1c_0000;
const DIRECTORIES = 3;
/** Half below 1 MiB, where memory types go by ranges of their own and some is no RAM. */
const FRAMES = 0x8_0000;
const FRAME_COUNT = 256;
const WINDOW = 0x4000_0000;
const PAGES = 48;
/** Maps 4 MiB from 0 on, of which half is RAM. */
const LARGE = 0x4040_0000;
const CODE_PAGES = 4;

const directory = (n: number) => TABLES + n * 0x1000;
const lowTable = (n: number) => TABLES + (DIRECTORIES + n) * 0x1000;
const windowTable = (n: number) => TABLES + (2 * DIRECTORIES + n) * 0x1000;

const le = (v: number, bytes = 4) =>
  [0, 8, 16, 24]
    .slice(0, bytes)
    .map(shift => ((v >>> shift) & 0xff).toString(16).padStart(2, '0'))
    .join('');

function pte(next: () => number): number {
  const frame = next() % 150 === 0 ? 0x30_0000 : FRAMES + (next() % FRAME_COUNT) * 0x1000;
  const unusual = next() % 80;
  let bits = 0x67;
  if (unusual === 0) bits = 0x66; // absent
  if (unusual === 1) bits = 0x07; // never used
  if (unusual === 2) bits = 0x25; // read-only
  if (unusual === 3) bits = 0x63; // the supervisor's
  if (unusual === 4) bits = 0x7f; // bypasses the caches
  if (unusual === 5) bits = 0x6f; // write-through
  if (unusual === 6) bits = 0x27; // clean
  if (next() % 5 === 0) bits |= 0x100;
  return frame | bits;
}

/** One instruction, or a few that belong together. */
function instruction(next: () => number): string {
  const inWindow = () =>
    WINDOW + (next() % PAGES) * 0x1000 + (next() % 3 === 0 ? next() % 4096 : (next() % 64) * 4);
  const operand = () => le(next() % 8 === 0 ? LARGE + 0x10_0000 + (next() % 0x4_0000) : inWindow());
  switch (next() % 32) {
    case 0:
    case 1:
    case 2:
      return `b8${le(directory(next() % DIRECTORIES) | (next() % 9 === 0 ? 0x18 : 0))} 0f22d8`;
    case 3:
      return `0f013d${operand()}`;
    case 4:
      return `c705${le(windowTable(next() % DIRECTORIES) + 4 * (next() % PAGES))}${le(pte(next))}`;
    case 5:
      return next() % 6 === 0 ? '0f20e0 3480 0f22e0' : '90';
    case 6:
    case 7:
    case 8:
    case 9:
      return `890d${operand()}`;
    case 10:
    case 11:
    case 12:
    case 13:
      return `0105${operand()}`;
    case 14:
      return `fe05${operand()}`;
    case 15:
      return `66890d${operand()}`;
    case 16:
      return `0fb60d${operand()}`;
    case 17:
      return `668b15${operand()}`;
    case 18:
      return '50 5b';
    case 19:
      return 'c1c005';
    default:
      return `8b0d${operand()}`;
  }
}

function guest(profile: Profile, seed: number, engine: EngineKind): Machine {
  const next = random(seed);
  const rig = new Rig(profile, engine, 2 << 20);
  for (let page = 0; page < CODE_PAGES; page++) {
    const at = CODE + page * 0x1000;
    const body = [page === 0 ? '4d' : '90'];
    for (let n = 4 + (next() % 24); n > 0; n--) body.push(instruction(next));
    const text = body.join(' ').replaceAll(' ', '');
    const behind = at + text.length / 2 + 5;
    rig.code(`${text} e9${le(CODE + ((page + 1) % CODE_PAGES) * 0x1000 - behind)}`, at);
  }
  for (let v = 0; v < 32; v++) {
    const error = v === 8 || (v >= 10 && v <= 14);
    rig.code(`${error ? '83c404' : ''} ff0424 cf`, HANDLERS + v * 16);
  }
  for (let n = 0; n < DIRECTORIES; n++) {
    const low = 0x67 | (next() % 2 ? 0x100 : 0);
    for (let page = 0; page < 512; page++) rig.set32(lowTable(n) + 4 * page, (page << 12) | low);
    for (let page = 0; page < PAGES; page++) rig.set32(windowTable(n) + 4 * page, pte(next));
    rig.set32(directory(n), lowTable(n) | 0x27);
    rig.set32(directory(n) + 4 * (WINDOW >>> 22), windowTable(n) | 0x27);
    rig.set32(directory(n) + 4 * (LARGE >>> 22), 0xe7 | (next() % 3 === 0 ? 0x100 : 0));
  }
  const { c } = rig;
  c.setCr3(directory(0));
  c.setCr4(0x10 | (next() & 0x80));
  c.setCr0(0x8000_0011 | (next() % 2 ? 0x1_0000 : 0));
  if (next() % 4 === 0) rig.user();
  for (let r = 0; r < 8; r++) if (r !== 4) c.r32[r] = next();
  c.eip = CODE;
  const { jit } = rig.machine.engine;
  if (jit) jit.hot = 1;
  return rig.machine;
}

/** All that a TLB holds, stamps by rank; and what is derived is right. */
function contents(t: Tlb) {
  const cells = [...t.key.keys()].filter(e => t.key[e] !== -1).map(e => t.cell[e]);
  const twins = [...t.twinKey.keys()].filter(n => t.twinKey[n] !== -1);
  const all = [...new Set([...cells, ...twins.map(n => t.stamps.byteOffset + 4 * n)])];
  const used = (cell: number) => t.recency.words[cell >> 2];
  const derived = () => [[...t.vacant], [...t.local], t.unpaired[0]];
  const was = derived();
  const found = [...t.key].every((key, e) => key === -1 || t.find(key) === e);
  t.load();
  return {
    name: t.name,
    key: [...t.key],
    cell: [...t.key].map((key, e) => (key === -1 ? -1 : t.cell[e])),
    twin: twins.map(n => [n, t.twinKey[n], t.twinTag[n], t.twinLink[n]]),
    order: all.sort((a, b) => used(a) - used(b)),
    derived: [found, was, JSON.stringify(was) === JSON.stringify(derived())],
  };
}

const small = (entries: number, ways: number) => ({
  entries: { ...profiles.flat.dtlb.entries, value: entries },
  ways: { ...profiles.flat.dtlb.ways, value: ways },
});

const GEOMETRIES: [name: string, profile: Profile][] = [
  ...Object.entries(profiles),
  ['p4-1700 with 8 and 4 entries', { ...profiles['p4-1700'], dtlb: small(8, 0), itlb: small(4, 0) }],
  ['p4-1700 with 48 entries', { ...profiles['p4-1700'], dtlb: small(48, 0), itlb: small(2, 1) }],
  ['p3-1000 with 12 in threes', { ...profiles['p3-1000'], dtlb: small(12, 3), dtlb4m: small(2, 1) }],
];

describe.each(GEOMETRIES)('on %s', (_, profile) => {
  it('compiled code walks, flushes and goes from page to page as the interpreter does', () => {
    const limit = profile.timing ? 1_500_000 : 60_000;
    let units = 0;
    let missed = 0;
    for (let seed = 1; seed <= 6; seed++) {
      const next = random(seed * 104_729);
      const one = guest(profile, seed, 'interpreter');
      const two = guest(profile, seed, 'compiled');
      const rules = new Invariants(two);
      for (let at = 0; at < limit; ) {
        at += 1 + (next() % (limit >> 1));
        one.run(at);
        two.run(at);
        expect(rules.translations(), `seed ${seed} at ${at}`).toEqual([]);
        expect(two.cpu.mmu.tlbs().map(contents), `seed ${seed} at ${at}`).toEqual(
          one.cpu.mmu.tlbs().map(contents),
        );
        expect(figures(two), `seed ${seed} at ${at}`).toEqual(figures(one));
        if (next() % 3 === 0) two.restore(two.snapshot());
      }
      units += two.engine.jit?.units ?? 0;
      missed += two.cpu.mmu.dtlb.misses;
    }
    expect(units).toBeGreaterThan(25);
    expect(missed).toBeGreaterThan(10_000);
  });
});
