/**
 * Hostile guests: random bytes as code, with random page tables, descriptors and registers, from fixed seeds.
 * Whatever they do, the host throws nothing and stops at the cycle limit; the matrix still sums to the clock; and
 * a second machine that runs the same guest in random slices, with a snapshot and a restore between, or goes back to a
 * checkpoint, ends the same.
 */
import { describe, expect, it } from 'vitest';
import type { Machine } from '../../../emu/machine.ts';
import { PAGE_CODE } from '../../../emu/mmu/attributes.ts';
import { profiles } from '../../../emu/profile/index.ts';
import { CODE, DATA, HANDLERS, PD, PT, Rig } from '../cpu/rig.ts';
import { figures, random } from './world.ts';

/** Cycles a guest gets: faults are dear but on `flat`. */
const limitOf = (profile: string) => (profile === 'flat' ? 6_000 : 30_000);

/** Opcodes that random bytes seldom hit, strewn over them: system instructions, strings, segments, branches. */
const SPICE = [
  'f3a5',
  'f3aa',
  'f2ae',
  'f3a6',
  '0f22d8',
  '0f22c0',
  '0f22e0',
  '0f20c0',
  '0f23f8',
  '0f23c0',
  '0f21f8',
  '0f0138',
  '0f31',
  'cd80',
  'cf',
  '8ed0',
  '17',
  '8ed8',
  'fb',
  'fa',
  'f4',
  '9c',
  '9d',
  'e440',
  'e640',
  'e620',
  'ee',
  '6c',
  'f36d',
  '0f30',
  '0f34',
  'ea00000100080000',
  '9a000001000800',
  'cb',
  '60',
  '61',
  'c8100003',
  'c9',
  '0fc70e',
  'f00fb10e',
  '87f4',
  'ebfe',
  'e2fe',
  '0f0b',
  'cc',
  'ce',
  'f1',
  '66',
  '67',
  'eb00',
  '75fc',
  '890e',
  '8b0e',
  'c605',
];

function wild(profile: string, seed: number): Machine {
  const next = random(seed);
  const rig = new Rig(profiles[profile]);
  const { c } = rig;
  const fill = (at: number, length: number) => {
    const code = new Uint8Array(length);
    for (let n = 0; n < length; ) {
      const pick = next() % 4;
      if (pick === 0) {
        const hex = SPICE[next() % SPICE.length];
        for (let k = 0; k < hex.length && n < length; k += 2)
          code[n++] = Number.parseInt(hex.slice(k, k + 2), 16);
      } else code[n++] = next();
    }
    rig.machine.writePhysical(at, code);
  };
  fill(CODE, 0x2000);
  // Handlers that come back (so that a fault is not the end), and some that are wild themselves.
  for (let v = 0; v < 256; v++) {
    const at = HANDLERS + v * 16;
    const error = v === 8 || (v >= 10 && v <= 14);
    if (next() % 8 === 0) fill(at, 16);
    // [add esp, 4;] inc dword [esp]; iret
    else rig.code(`${error ? '83c404' : ''} ff0424 cf`, at);
  }
  if (next() % 4 !== 0) {
    rig.paging();
    for (let n = next() % 16; n > 0; n--) rig.set32(PT + (next() % 256) * 4, next() & (next() | 0x7));
    if (next() % 4 === 0) rig.set32(PD + (next() % 1024) * 4, next() & (next() | 0x87));
    c.setCr4(next() & 0x9c);
    c.setCr3(PD);
  }
  if (next() % 2) rig.user();
  for (let r = 0; r < 8; r++) c.r32[r] = r === 4 ? c.esp : next() % 3 ? DATA + (next() & 0xffff) : next();
  if (next() % 8 === 0) c.esp = next();
  if (next() % 4 === 0) {
    for (let n = 0; n < 4; n++) c.setDr(n, CODE + (next() & 0x1fff));
    c.setDr(7, (next() & 0xffff_00ff) | 0x400);
  }
  c.eflags = (next() & 0x7fd7) | 2;
  c.eip = CODE + (next() & 0xff);
  tick(rig.machine, 50 + (next() % 500));
  return rig.machine;
}

/** IRQ 0 every `period` PIT counts on vector 0x20, the 8259s in automatic EOI mode, all else masked. */
function tick(m: Machine, period: number): void {
  const out = (port: number, ...values: number[]) => {
    for (const v of values) m.space.writePort(port, 1, v);
  };
  out(0x20, 0x11);
  out(0x21, 0x20, 4, 3, 0xfe);
  out(0x43, 0x34);
  out(0x40, period & 0xff, period >> 8);
}

/** Which pages hold decoded code is the host's business. */
function withoutMarks(snapshot: object): object {
  const { memory: _, ...rest } = structuredClone(snapshot) as Record<string, unknown>;
  const engine = rest.engine as { cpu: { mmu: { control: { attributes: Uint8Array } } } };
  const { control } = engine.cpu.mmu;
  control.attributes = control.attributes.map(bits => bits & ~PAGE_CODE);
  return rest;
}

describe.each(Object.keys(profiles))('random guests on %s', profile => {
  const limit = limitOf(profile);

  it('harm nobody, and end the same when run in slices, with snapshots between', () => {
    let ran = 0;
    for (let seed = 1; seed <= 100; seed++) {
      const one = wild(profile, seed);
      one.run(limit);
      expect(one.accounting.sum(), `seed ${seed}`).toBe(one.clock.now());
      ran += one.cpu.instructions;
      const two = wild(profile, seed);
      const next = random(-seed);
      for (let at = 0; at < limit; ) {
        at = Math.min(limit, at + 1 + (next() % (limit >> 2)));
        two.run(at);
        if (next() % 4 === 0) two.restore(two.snapshot());
      }
      expect(figures(two), `seed ${seed}`).toEqual(figures(one));
    }
    expect(ran).toBeGreaterThan(100_000);
  });

  it('go back to a checkpoint byte for byte, and end the same from there, time and again', () => {
    let written = 0;
    for (let seed = 1; seed <= 25; seed++) {
      const one = wild(profile, seed);
      one.run(limit);
      const two = wild(profile, seed);
      const next = random(seed ^ 0x5eed);
      two.run(1 + (next() % (limit >> 1)));
      const checkpoint = two.checkpoint();
      for (let round = 0; round < 3; round++) {
        two.run(two.cycles() + (next() % limit));
        two.writePhysical(next() % (two.ramSize - 16), new Uint8Array(16).fill(next()));
        written += two.cpu.mmu.dirty.reduce((a, b) => a + b);
        two.revert(checkpoint);
        const { memory, ...rest } = two.snapshot();
        expect(Buffer.compare(memory, checkpoint.memory), `seed ${seed}`).toBe(0);
        expect(withoutMarks(rest), `seed ${seed}`).toEqual(withoutMarks(checkpoint));
      }
      two.run(limit);
      expect(figures(two), `seed ${seed}`).toEqual(figures(one));
    }
    expect(written).toBeGreaterThan(100);
  });

  it('end the same when stepped', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const stepped = wild(profile, seed);
      for (let n = 0; n < 3000; n++) stepped.step(limit);
      // The same clock, reached in one run: the tick at which the last step ended is the limit.
      const run = wild(profile, seed);
      const end = stepped.cycles();
      run.run(end);
      // A run goes to the end of its block, so the stepped machine goes there too.
      for (let n = 0; n < 70 && stepped.clock.now() < run.clock.now(); n++) stepped.step();
      stepped.run(end); // looks at the head, as the run's end did
      expect(figures(stepped), `seed ${seed}`).toEqual(figures(run));
    }
  });
});
