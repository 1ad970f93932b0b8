/**
 * The front table and the TLBs under random accesses, page-table changes, flushes and changes of privilege: whatever
 * came before, the front table says only what a TLB entry says (mmu.ts), and an access goes where its entry leads.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CR0_PE, CR0_PG, CR0_WP, CR4_PGE, CR4_PSE } from '../../../emu/cpu/registers.ts';
import { profiles } from '../../../emu/profile/index.ts';
import { Invariants } from './invariants.ts';
import { PD, PT, World } from './world.ts';

/** More pages than a TLB has entries, all of them data. */
const FIRST_PAGE = 0x40;
const PAGES = 96;
const linear = (page: number) => (FIRST_PAGE + page) << 12;

interface Access {
  kind: 'read' | 'write';
  page: number;
  offset: number;
  size: 1 | 2 | 4;
}
interface Switch {
  kind: 'user' | 'protect' | 'big' | 'global';
  on: boolean;
}
type Op =
  | Access
  | Switch
  | { kind: 'fetch'; page: number }
  | { kind: 'invlpg'; page: number }
  | { kind: 'entry'; page: number; frame: number; bits: number }
  | { kind: 'cr3' };

const page = fc.oneof({ weight: 3, arbitrary: fc.nat(7) }, fc.nat(PAGES - 1));
const size = fc.constantFrom<1 | 2 | 4>(1, 2, 4);
const access = (kind: 'read' | 'write') =>
  fc.record({
    kind: fc.constant(kind),
    page,
    offset: fc.oneof(fc.nat(0xfff), fc.constantFrom(0xffd, 0xffe, 0xfff)),
    size,
  });
const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 8, arbitrary: access('read') },
  { weight: 8, arbitrary: access('write') },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('fetch' as const, 'invlpg' as const), page }) },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('entry' as const), page, frame: page, bits: fc.nat(0x1ff) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('user' as const, 'protect' as const, 'big' as const, 'global' as const),
      on: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cr3' as const) }) },
);

it.each(Object.keys(profiles))('on %s the front table never outlives a TLB entry', profile => {
  const world = new World(profiles[profile]);
  const { machine } = world;
  const { cpu } = machine;
  const { mmu } = cpu;
  const invariants = new Invariants(machine);
  let accesses = 0;
  let faults = 0;

  function turn({ kind, on }: Switch): void {
    if (kind === 'user') cpu.setPrivilege(on ? 3 : 0);
    else if (kind === 'protect') cpu.setCr0(CR0_PE | CR0_PG | (on ? CR0_WP : 0));
    else {
      const bit = kind === 'big' ? CR4_PSE : CR4_PGE;
      cpu.setCr4(on ? cpu.cr4 | bit : cpu.cr4 & ~bit);
    }
  }

  function touch({ kind, page: n, offset, size: bytes }: Access): void {
    accesses++;
    const at = linear(n) + offset;
    if (kind === 'write') {
      if (bytes === 4) mmu.write32(at, at);
      else if (bytes === 2) mmu.write16(at, at);
      else mmu.write8(at, at);
    } else if (bytes === 4) mmu.read32(at);
    else if (bytes === 2) mmu.read16(at);
    else mmu.read8(at);
  }

  function apply(o: Op): void {
    if (o.kind === 'read' || o.kind === 'write') touch(o);
    else if (o.kind === 'entry') world.set32(PT + (FIRST_PAGE + o.page) * 4, linear(o.frame) | o.bits);
    else if (o.kind === 'fetch') mmu.translateFetch(linear(o.page));
    else if (o.kind === 'invlpg') mmu.invalidatePage(linear(o.page));
    else if (o.kind === 'cr3') cpu.setCr3(PD);
    else turn(o as Switch);
  }

  fc.assert(
    fc.property(fc.array(op, { maxLength: 200, size: 'max' }), ops => {
      world.reset();
      cpu.setCr3(PD);
      cpu.setCr0(CR0_PE | CR0_PG | CR0_WP);
      for (const o of ops) {
        try {
          apply(o);
        } catch (thrown) {
          if (thrown !== cpu.fault) throw thrown;
          faults++;
        }
        expect(invariants.translations(), JSON.stringify(o)).toEqual([]);
      }
    }),
    { seed: 0x86, numRuns: 60 },
  );
  expect(accesses).toBeGreaterThan(1000);
  expect(faults).toBeGreaterThan(100);
});
