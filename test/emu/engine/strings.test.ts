/**
 * REP string instructions many rounds at a time (emu/cpu/runs.ts, exec/bulk.ts) do what they do round by round: every byte
 * of the state memory, RAM, counters, what watchers saw and where heads found work. Random strings: sizes, alignments,
 * overlaps, directions, borders of lines, pages and segments, aliases, faults in the middle, code and watched pages.
 */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { EngineKind } from '../../../emu/board.ts';
import { profiles } from '../../../emu/profile/index.ts';
import type { Profile } from '../../../emu/profile/profile.ts';
import { CODE, DATA, dword, GDT, HANDLERS, PD, PT, Rig } from '../cpu/rig.ts';
import { figures, random } from './world.ts';

const LIMITED = 0xf0;
const SMALL = 0xf8;
const TIMER = 0x40;
/** Where strings lie: thirteen pages, the first of them plain. */
const PAGES = 13;
const ALIASES = 0xa_0000;
/** Programs for each profile: raise it after a change. */
const SEEDS = Number(process.env.STRINGS_SEEDS ?? 40);
const BIG = 0x40_0000;

type How = { engine: EngineKind; singly?: boolean; hot?: number };

/** Opcodes; the operand size prefix comes in front at random. */
const OPS = [
  'f3a4',
  'f3a5',
  'f3a5',
  'f3a5',
  'f3aa',
  'f3ab',
  'f3ab',
  'f3a6',
  'f3a7',
  'f2a6',
  'f2ae',
  'f2af',
  'f3ae',
  'f3af',
  'f3ac',
];
const SEGMENTS = ['', '', '', '', '64', '65', '36'];

function build(profile: Profile, seed: number, how: How) {
  const next = random(seed);
  const one = (n: number) => next() % n === 0;
  const rig = new Rig(profile, how.engine);
  const { machine, c } = rig;
  const { mmu } = c;
  if (machine.engine.jit) machine.engine.jit.hot = how.hot ?? 1;
  // Nothing goes together, and every chunk ends.
  if (how.singly) Object.assign(c.runs, { look: () => 0, goOn: () => false });

  rig.descriptor(LIMITED, 0x123, 0x4_3777, 0xf3, 4);
  rig.descriptor(SMALL, DATA - 0x800, 0x2fff, one(2) ? 0xf7 : 0xf3, 4);
  c.setGdt(GDT, SMALL + 7);
  // Data with long equal stretches.
  const words = [0, 0x01010101, 0x20202020, next(), next()];
  for (let at = 0; at < PAGES * 4096; at += 4) {
    if (one(200)) words[next() % 5] = next();
    rig.set32(DATA + at, words[one(40) ? next() % 5 : 0]);
  }

  const place = () => {
    const page = DATA + (next() % PAGES) * 4096;
    const near = [0, 0, 4096, 4096 - (next() % 300), next() % 4096, 64 * (next() % 64)][next() % 6];
    const base = one(12) ? CODE : one(5) ? page - DATA + ALIASES : one(9) ? page + BIG : page;
    return (base + near + (one(2) ? 0 : (next() % 17) - 8)) >>> 0;
  };
  const body: string[] = [];
  for (let n = 3 + (next() % 5); n > 0; n--) {
    const op = OPS[next() % OPS.length];
    const prefix = `${one(4) ? '66' : ''}${one(9) ? '67' : ''}${SEGMENTS[next() % SEGMENTS.length]}`;
    const from = place();
    const to = one(4) ? from + (next() % 80) - 40 : place();
    const rounds = [next() % 8, next() % 70, next() % 300, 64, 1024, next() % 5000][next() % 6];
    if (one(3)) body.push(one(2) ? 'fd' : 'fc');
    body.push(`b8${dword(one(2) ? 0x20202020 : 0)} be${dword(from)} bf${dword(to)} b9${dword(rounds)}`);
    // The page of either may be the one that was used last.
    if (one(3)) body.push(one(2) ? '8a16' : '8a17');
    // Alone in its block, or not.
    if (one(3)) body.push('eb00');
    body.push(`${prefix}${op} 83d300 01f3 01fb`);
  }
  const code = `bd${dword(2 + (next() % 4))} ${body.join(' ')} 4d 0f85`;
  const length = code.replaceAll(' ', '').length / 2;
  const start = CODE + (one(2) ? 0 : 64 - (next() % 8));
  rig.code(`${code}${dword(5 - length - 4)} ebfe`, start);
  // A fault ends its string.
  for (let v = 0; v < 32; v++) {
    const error = v === 8 || (v >= 10 && v <= 14) || v === 17;
    rig.code(`${error ? '83c404' : ''} ${v === 6 ? 'ff0424' : '31c9'} cf`, HANDLERS + v * 16);
  }
  rig.code('50 b020 e620 58 cf', HANDLERS + TIMER * 16);
  const ports = c.ports;
  for (const [port, v] of [
    ...[
      [0x20, 0x11],
      [0x21, TIMER],
      [0x21, 4],
      [0x21, 1],
      [0x21, 0xfe],
    ],
    ...[
      [0x43, 0x34],
      [0x40, 3 + (next() % 60)],
      [0x40, 0],
    ],
  ])
    ports?.writePort(port, 1, v);

  if (!one(3)) {
    rig.paging();
    if (one(2)) c.setCr4(0x90);
    else c.setCr4(0x10);
    // All of RAM again, by one large page, with and without the dirty bit.
    rig.set32(PD + 4, one(2) ? 0xe7 : 0xa7);
    for (let n = 0; n < PAGES; n++) rig.set32(PT + ((ALIASES >>> 12) + n) * 4, (DATA + n * 4096) | 0x67);
    for (let n = 1; n < PAGES; n++)
      if (one(5)) rig.pte(DATA + n * 4096, [0x66, 0x65, 0x27, 0x07, 0x63, 0x77, 0x6f][next() % 7]);
    if (one(6)) c.setCr0(c.cr0 & ~0x1_0000);
  }
  const user = one(2);
  if (user) rig.user();
  if (user && one(2)) c.setCr0(c.cr0 | 0x4_0000);
  rig.segment(4, LIMITED);
  rig.segment(5, SMALL);
  const extra = next() % 6;
  if (extra < 2) rig.segment(0, extra ? SMALL : LIMITED);
  c.eflags = 2 | (one(2) ? 0x200 : 0) | (user && one(2) ? 0x4_0000 : 0);
  c.eip = start;

  const seen: unknown[] = [];
  const told = (what: string) => (lin: number) => seen.push([what, lin, machine.clock.now()]);
  if (one(3))
    mmu.watches.add({
      address: DATA + 4096 * (next() % PAGES) + (next() % 4096),
      length: 1 + (next() % 600),
      physical: one(2),
      ...(one(2) ? { reading: told('reading') } : {}),
      ...(one(2) ? { writing: told('writing') } : { written: told('written') }),
    });
  if (one(8)) machine.engine.addHook(start + 40, () => seen.push(['hook', machine.clock.now()]));
  if (one(12)) mmu.watchAccesses((lin, size, write) => seen.push([lin, size, write]));
  return { machine, seen };
}

const sha = (bytes: Uint8Array) => createHash('sha1').update(bytes).digest('hex');

/** Everything there is; `exact`: stamps and lazy flags too, which two engines need not share. */
function all({ machine, seen }: ReturnType<typeof build>, exact: boolean) {
  const { cpu, state } = machine;
  const { hierarchy } = cpu.mmu;
  return {
    ...figures(machine),
    state: exact ? sha(new Uint8Array(state.memory.buffer, 0, state.used)) : '',
    seen: exact ? seen : [],
    rep: [cpu.repEip, cpu.repFraction],
    last: cpu.mmu.lastStore[0],
    timing: [...hierarchy.timing],
    counters: [...hierarchy.saveCounters(), ...hierarchy.streams],
  };
}

/** Geometries that the profiles do not have. */
const odd: [string, Profile][] = [
  ['write-back without allocation', with_({ writeBack: true, writeAllocate: false })],
  ['direct-mapped, write-back', with_({ writeBack: true, writeAllocate: true, ways: 1 })],
  ['direct-mapped, write-through with allocation', with_({ writeAllocate: true, ways: 1 })],
];

function with_(l1d: { writeBack?: boolean; writeAllocate?: boolean; ways?: number }): Profile {
  const base = profiles['p4-1700'];
  const { ways, ...rest } = l1d;
  return {
    ...base,
    l1d: { ...base.l1d, ...rest, ...(ways ? { ways: { ...base.l1d.ways, value: ways } } : {}) },
  };
}

describe.each([...Object.entries(profiles), ...odd])('strings on %s', (_, profile) => {
  it('cost and do what they do round by round', () => {
    let together = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const plain = build(profile, seed, { engine: 'interpreter', singly: true });
      const many = build(profile, seed, { engine: 'interpreter' });
      // Nothing is hot: only the lines are compiled code.
      const mixed = build(profile, seed, { engine: 'compiled', hot: 1e9 });
      const compiled = build(profile, seed, { engine: 'compiled' });
      const { runs } = many.machine.cpu;
      const take = runs.take.bind(runs);
      runs.take = n => {
        const did = take(n);
        together += did;
        return did;
      };
      const next = random(seed * 31);
      for (let at = 0, cuts = 0; cuts < 6; cuts++) {
        at += 1 + (next() % (profile.timing ? 12_000 : 300));
        for (const m of [plain, many, mixed, compiled]) {
          m.machine.run(at);
          if (cuts === 3) for (let k = seed & 3; k > 0; k--) m.machine.step();
        }
        expect(all(many, true), `seed ${seed} at ${at}`).toEqual(all(plain, true));
        expect(all(mixed, true), `mixed, seed ${seed} at ${at}`).toEqual(all(plain, true));
        expect(all(compiled, false), `compiled, seed ${seed} at ${at}`).toEqual(all(plain, false));
      }
    }
    expect(together).toBeGreaterThan(10_000);
  });
});
