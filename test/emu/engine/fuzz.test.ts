/**
 * Hostile guests: random bytes as code, with random page tables, descriptors and registers, from fixed seeds.
 * Whatever they do, the host throws nothing and stops at the cycle limit; the matrix still sums to the clock; and
 * a second machine that runs the same guest in random slices, with a snapshot and a restore between, or goes back to a
 * checkpoint, ends the same.
 */
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { profiles } from '../../../emu/profile/index.ts';
import { wild } from './wild.ts';
import { figures, random } from './world.ts';

/** Cycles a guest gets: faults are dear but on `flat`. */
const limitOf = (profile: string) => (profile === 'flat' ? 6_000 : 30_000);

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
    for (let seed = 1; seed <= 12; seed++) {
      const one = wild(profile, seed);
      one.run(limit);
      const two = wild(profile, seed);
      const next = random(seed ^ 0x5eed);
      two.run(1 + (next() % (limit >> 1)));
      const { memory: wanted, ...others } = two.snapshot();
      const checkpoint = two.checkpoint();
      for (let round = 0; round < 3; round++) {
        two.run(two.cycles() + (next() % limit));
        two.writePhysical(next() % (two.ramSize - 16), new Uint8Array(16).fill(next()));
        written += two.cpu.mmu.dirty.reduce((a, b) => a + b);
        two.revert(checkpoint);
        const { memory, ...rest } = two.snapshot();
        expect(Buffer.compare(memory, wanted), `seed ${seed}`).toBe(0);
        // An assertion that shows each element of each array takes longer than the guest.
        expect(isDeepStrictEqual(rest, others), `seed ${seed}`).toBe(true);
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
