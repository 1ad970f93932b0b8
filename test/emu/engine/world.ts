/** What the tests of the engine share: a seeded random source, all state as one hash, a machine on any profile. */
import { createHash } from 'node:crypto';
import type { Machine } from '../../../emu/machine.ts';

/** A generator of uint32 (mulberry32): the same seed gives the same programs everywhere. */
export function random(seed: number): () => number {
  let a = seed | 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
}

/** Architecture and model: registers, RAM, clock, matrix, caches, counters, devices; recency stamps by rank. */
export function figures(m: Machine) {
  const { cpu } = m;
  const { hierarchy } = cpu.mmu;
  const hash = (bytes: ArrayBufferView) =>
    createHash('sha256')
      .update(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength))
      .digest('hex');
  const tlb = (t: (typeof cpu.mmu)['itlb']) => {
    const held = [...t.key.keys()].filter(e => t.key[e] !== -1);
    held.sort((a, b) => t.lastUse(a) - t.lastUse(b));
    return [
      t.name,
      t.misses,
      t.switchMisses,
      t.globalHits,
      ...held.flatMap(e => [e, t.key[e], t.frame[e], t.flags[e]]),
    ];
  };
  return {
    r32: [...cpu.r32],
    eflags: cpu.eflags,
    deliveries: cpu.deliveries,
    instructions: cpu.instructions,
    clock: m.clock.now(),
    events: m.clock.save(),
    matrix: [...m.accounting.matrix],
    loads: cpu.mmu.loads,
    stores: cpu.mmu.stores,
    fetches: cpu.mmu.fetches,
    tlbs: cpu.mmu.tlbs().map(tlb),
    caches: [hierarchy.l1i, hierarchy.l1d, hierarchy.l2].map(c => hash(c.tags)),
    pic: m.pic.save(),
    pit: m.pit.save(),
    ram: hash(m.state.ram8()),
  };
}
