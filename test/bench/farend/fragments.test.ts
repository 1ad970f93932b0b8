import { describe, expect, it } from 'vitest';
import { fragment, Reassembler } from '../../../bench/farend/fragments.ts';
import type { IpPacket } from '../../../bench/farend/packets.ts';
import { Random } from '../../../bench/farend/random.ts';

const packet = (bytes: number, id = 1): IpPacket => ({
  source: 1,
  destination: 2,
  protocol: 17,
  id,
  offset: 0,
  more: false,
  payload: new Uint8Array(bytes).map((_, i) => i * 7 + id),
});

describe('fragmentation', () => {
  it('cuts a 32 KB message into 23 pieces of 1480 bytes, the last shorter', () => {
    const pieces = fragment(packet(32_776), 1500);
    expect(pieces.length).toBe(23);
    expect(
      pieces.slice(0, 22).every((p, i) => p.payload.length === 1480 && p.more && p.offset === i * 1480),
    ).toBe(true);
    expect([pieces[22].payload.length, pieces[22].more]).toEqual([216, false]);
  });

  it('leaves what fits alone', () => {
    expect(fragment(packet(1480), 1500)).toEqual([packet(1480)]);
    expect(fragment(packet(1481), 1500).map(p => p.payload.length)).toEqual([1480, 1]);
  });

  it('makes offsets that are multiples of 8 for any MTU', () => {
    expect(fragment(packet(3000), 1006).every(p => p.offset % 8 === 0)).toBe(true);
  });
});

describe('reassembly', () => {
  it('puts pieces together in any order, two datagrams at a time, with duplicates', () => {
    const random = new Random(42);
    for (let round = 0; round < 20; round++) {
      const originals = [packet(10_000, 1), packet(7_000, 2)];
      const pieces = originals.flatMap(p => fragment(p, 1500));
      pieces.push(pieces[2]);
      for (let i = pieces.length - 1; i > 0; i--) {
        const j = random.below(i + 1);
        [pieces[i], pieces[j]] = [pieces[j], pieces[i]];
      }
      const reassembler = new Reassembler(1000);
      const whole = pieces.map(p => reassembler.add(p, 0)).filter(p => p !== undefined);
      expect(whole.map(w => w.length).sort()).toEqual([10_000, 7_000].sort());
      for (const w of whole) expect([...w]).toEqual([...originals[w.length === 10_000 ? 0 : 1].payload]);
    }
  });

  it('does not complete with a hole, and gives it up after the timeout', () => {
    const reassembler = new Reassembler(1000);
    const pieces = fragment(packet(10_000), 1500);
    for (const piece of pieces.filter((_, i) => i !== 3)) expect(reassembler.add(piece, 0)).toBeUndefined();
    expect([reassembler.pending(), reassembler.incomplete]).toEqual([1, 0]);
    reassembler.add(fragment(packet(10_000, 9), 1500)[0], 1001);
    expect([reassembler.pending(), reassembler.incomplete]).toEqual([1, 1]);
  });

  it('is bounded in number and length', () => {
    const reassembler = new Reassembler(1000, 4);
    for (let id = 0; id < 10; id++) reassembler.add(fragment(packet(3000, id), 1500)[0], 0);
    expect([reassembler.pending(), reassembler.incomplete]).toEqual([4, 6]);
    expect(reassembler.add({ ...packet(1480, 20), offset: 65_528, more: false }, 0)).toBeUndefined();
    expect(reassembler.pending()).toBe(4);
  });
});
