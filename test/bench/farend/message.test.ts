import { describe, expect, it } from 'vitest';
import { buildMessage, checkMessage, fnv1a32, MESSAGE_BYTES } from '../../../bench/farend/message.ts';

const text = (s: string) => new TextEncoder().encode(s);

describe('the message of the streams', () => {
  it('hashes as FNV-1a does', () => {
    // vectors of the FNV reference code
    expect(fnv1a32(text(''))).toBe(0x811c9dc5);
    expect(fnv1a32(text('a'))).toBe(0xe40c292c);
    expect(fnv1a32(text('foobar'))).toBe(0xbf9cf968);
  });

  it('has the layout that the user programs share', () => {
    const bytes = buildMessage(1, 5);
    const view = new DataView(bytes.buffer);
    expect(bytes.length).toBe(MESSAGE_BYTES);
    expect(new TextDecoder().decode(bytes.subarray(0, 4))).toBe('NK86');
    expect([view.getUint32(4, true), view.getUint32(8, true)]).toEqual([1, 5]);
    expect(view.getUint32(12, true)).toBe(fnv1a32(bytes, 16));
    // xorshift32 from 5 ^ 9e3779b9 = 9e3779bc, worked in BigInt
    let x = 0x9e3779bcn;
    for (let i = 0; i < 8; i++) {
      x = (x ^ (x << 13n)) & 0xffffffffn;
      x ^= x >> 17n;
      x = (x ^ (x << 5n)) & 0xffffffffn;
      expect(view.getUint32(16 + 4 * i, true)).toBe(Number(x));
    }
  });

  it('starts the generator at 1 where it would start at 0', () => {
    const seed = Math.imul(7 % 4, 0x9e3779b9) >>> 0;
    expect(new DataView(buildMessage(7, seed).buffer).getUint32(16, true)).toBe(270369);
  });

  it('accepts what it built, and a prepared body sent again four numbers on', () => {
    expect(checkMessage(buildMessage(3, 9))).toEqual({ ok: true, number: 3, seed: 9 });
    const rotated = buildMessage(0, 9);
    new DataView(rotated.buffer).setUint32(4, 1000, true);
    expect(checkMessage(rotated)).toEqual({ ok: true, number: 1000, seed: 9 });
    new DataView(rotated.buffer).setUint32(4, 1001, true);
    expect(checkMessage(rotated)).toEqual({ ok: false, why: 'body' });
  });

  it('says what is wrong', () => {
    const spoil = (at: number, then = (_: Uint8Array) => {}) => {
      const bytes = buildMessage(3, 9);
      bytes[at] ^= 1;
      then(bytes);
      return checkMessage(bytes);
    };
    expect(checkMessage(buildMessage(3, 9).subarray(1))).toEqual({ ok: false, why: 'length' });
    expect(spoil(0)).toEqual({ ok: false, why: 'magic' });
    expect(spoil(20000)).toEqual({ ok: false, why: 'checksum' });
    expect(spoil(12)).toEqual({ ok: false, why: 'checksum' });
    expect(spoil(8)).toEqual({ ok: false, why: 'body' });
    const fix = (b: Uint8Array) => new DataView(b.buffer).setUint32(12, fnv1a32(b, 16), true);
    expect(spoil(20000, fix)).toEqual({ ok: false, why: 'body' });
  });
});
